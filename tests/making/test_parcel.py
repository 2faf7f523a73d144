"""A model in parts: no part is too large, and what comes out is what went in."""

import gzip

import pytest

from xrmri.errors import InputError
from xrmri.making.parcel import is_parcel, pack, unpack


def test_parts_join_to_the_same_files_and_none_is_larger_than_allowed(tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    (model / "unet").mkdir(parents=True)
    out.mkdir()
    (out / "model.tar.09").write_bytes(b"of an earlier, larger model")
    content = {"xrmri.json": b"{}", "unet/weights": bytes(range(256)) * 200}
    for name, data in content.items():
        (model / name).write_bytes(data)
    assert not is_parcel(model)
    parts = pack(model, out, 20_000)
    assert len(parts) == 4 and is_parcel(out) and max(part.stat().st_size for part in parts) == 20_000
    assert sorted(out.iterdir()) == parts
    unpack(out, tmp_path / "again")
    assert {name: (tmp_path / "again" / name).read_bytes() for name in content} == content


@pytest.mark.parametrize("content", [b"x" * 2000, gzip.compress(bytes(10_240), mtime=0)], ids=["nothing", "packed"])
def test_parts_that_are_no_archive_or_a_packed_one_are_refused(tmp_path, content):
    (tmp_path / "model.tar.00").write_bytes(content)
    with pytest.raises(InputError, match="no whole archive"):
        unpack(tmp_path, tmp_path / "again")
