"""What Pillow and torchvision make of small images: golden values for test/data/preprocessing.golden.test.ts.

python3 test/golden/preprocessing.py, with Pillow 9.4, torchvision 0.14 and NumPy; writes preprocessing.json and
decoding.json beside itself.
"""

import base64
import io
import json
import pathlib

import numpy
import torchvision.transforms as transforms
from PIL import Image, ImageCms
from torchvision.transforms import InterpolationMode

here = pathlib.Path(__file__).parent
code = lambda data: base64.b64encode(bytes(data)).decode()


def pattern(width, height):
    """The image that the test builds too: 8-bit, from whole numbers only."""
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    return ((x * x * 7 + y * y * 13 + x * y * 5 + c * 89) % 256).astype(numpy.uint8)


sizes = [
    # width, height, resize, crop
    (53, 37, 24, 20),
    (37, 53, 24, 21),
    (20, 20, 33, 28),
    (64, 48, None, 15),
    (9, 14, None, 18),
    (31, 17, 17, 17),
    (50, 23, 12, None),
    (16, 10, 11, 24),
    (53, 37, (20, 31), None),
    (19, 41, (24, 24), 20),
]
cases = []
for width, height, resize, crop in sizes:
    for name, mode in (("bilinear", InterpolationMode.BILINEAR), ("bicubic", InterpolationMode.BICUBIC), ("nearest", InterpolationMode.NEAREST)):
        steps = [transforms.Resize(resize, interpolation=mode)] if resize else []
        steps += [transforms.CenterCrop(crop)] if crop else []
        fitted = transforms.Compose(steps)(Image.fromarray(pattern(width, height)))
        cases.append(
            {
                "width": width,
                "height": height,
                "resize": resize,
                "crop": crop,
                "interpolation": name,
                "fitted": {"width": fitted.width, "height": fitted.height, "data": code(fitted.tobytes())},
            }
        )

ramp = Image.fromarray(numpy.repeat(numpy.arange(256, dtype=numpy.uint8).reshape(16, 16, 1), 3, 2))
scaled = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
)(ramp)
table = code(scaled.numpy().astype("<f4").tobytes())
(here / "preprocessing.json").write_text(json.dumps({"cases": cases, "imagenetTable": table}, indent=1) + "\n")

y, x = numpy.mgrid[0:17, 0:22]
smooth = numpy.stack([128 + 100 * numpy.sin(x / 4 + y / 6), 255 * x / 21, 255 * y / 16], -1).astype(numpy.uint8)
rgb = Image.fromarray(smooth)
gray = rgb.convert("L")
alpha = Image.fromarray((255 * x / 21).astype(numpy.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
gray_alpha = gray.convert("LA")
gray_alpha.putalpha(alpha)
exif = Image.Exif()
exif[0x112] = 6  # turn by 90 degrees
other_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
files = {
    "rgb.png": (rgb, "PNG", {}),
    "420.jpg": (rgb, "JPEG", {"quality": 60, "subsampling": 2}),
    "444.jpg": (rgb, "JPEG", {"quality": 90, "subsampling": 0}),
    "progressive.jpg": (rgb, "JPEG", {"quality": 75, "progressive": True}),
    "gray.jpg": (gray, "JPEG", {"quality": 90}),
    "gray.png": (gray, "PNG", {}),
    "gray-alpha.png": (gray_alpha, "PNG", {}),
    "alpha.png": (rgba, "PNG", {}),
    "palette.png": (rgb.quantize(16), "PNG", {}),
    "transparent-palette.png": (rgb.quantize(16), "PNG", {"transparency": 3}),
    "palette.gif": (rgb.quantize(16), "GIF", {}),
    "bits.png": (rgb.convert("1"), "PNG", {}),
    "cmyk.jpg": (rgb.convert("CMYK"), "JPEG", {"quality": 90}),
    "turned.jpg": (rgb, "JPEG", {"quality": 90, "exif": exif}),
    "profile.jpg": (rgb, "JPEG", {"quality": 90, "icc_profile": other_profile}),
    "lossy.webp": (rgb, "WEBP", {"quality": 80}),
    "lossless.webp": (rgb, "WEBP", {"lossless": True}),
    "rgb.tiff": (rgb, "TIFF", {}),
}
decoded = {}
for name, (image, kind, options) in files.items():
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    again = Image.open(io.BytesIO(stream.getvalue())).convert("RGB")
    decoded[name] = {
        "width": again.width,
        "height": again.height,
        "file": code(stream.getvalue()),
        "rgb": code(again.tobytes()),
    }
(here / "decoding.json").write_text(json.dumps(decoded, indent=1) + "\n")
