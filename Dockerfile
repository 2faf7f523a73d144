# What was tried of it stands in docs/containers.md. The wheel is built in one stage and installed in another.
FROM python:3.11-slim AS wheel
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.11-slim
# OpenCV, which the detector's library imports, wants these two.
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple torch torchvision \
 && pip install --no-cache-dir /wheels/*.whl && rm -r /wheels
# Any user may run it: libraries keep their notes in /tmp.
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib YOLO_CONFIG_DIR=/tmp/ultralytics
WORKDIR /data
ENTRYPOINT ["xrmri"]
CMD ["--help"]
