"""The tags of an image that are read, and no others: none of them identifies a person."""

from xrmri.formats.grey import PADDING, TABLES

_HEADER = ("EchoTime", "EffectiveEchoTime", "Rows", "Columns", "PixelSpacing", "ImagerPixelSpacing",
           "NominalScannedPixelSpacing", "PixelAspectRatio", "EstimatedRadiographicMagnificationFactor",
           "ImageOrientationPatient", "ImagePositionPatient", "SeriesInstanceUID")  # fmt: skip
_PIXELS = ("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "BitsAllocated",
           "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "FloatPixelData",
           "DoubleFloatPixelData")  # fmt: skip
_GREY = ("RescaleSlope", "RescaleIntercept", *TABLES, "PresentationLUTShape",
         *(tag for pair in PADDING for tag in pair),
         *(f"{kind}{colour}PaletteColorLookupTable{part}" for colour in ("Red", "Green", "Blue")
           for kind, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))))  # fmt: skip
ALLOWED = (*_HEADER, *_PIXELS, *_GREY)
"""Keywords."""
