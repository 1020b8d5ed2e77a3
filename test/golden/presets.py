#!/usr/bin/python3
"""Makes presets.json: what the steps of torchvision, timm, OpenAI's CLIP, Places365 and Keras make of one image, for
test/data/preprocessing.golden.test.ts. torchvision, Pillow and NumPy compute them; timm and Keras themselves are not needed:
timm's evaluation transform is torchvision's Resize, CenterCrop, ToTensor and Normalize with the values of the model's
configuration, Keras' are load_img (Pillow) and imagenet_utils.preprocess_input (NumPy).

    /usr/bin/python3 test/golden/presets.py
"""
import hashlib
import json
import pathlib

import numpy
import torchvision.transforms as transforms
from PIL import Image
from torchvision.transforms import InterpolationMode

WIDTH, HEIGHT = 431, 309
y, x, c = numpy.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
image = Image.fromarray(((x * x * 7 + y * y * 13 + x * y * 5 + c * 89) % 256).astype(numpy.uint8))
bilinear, bicubic = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC
imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
clip = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def torch_like(resize, crop, interpolation, mean, std):
    steps = [transforms.Resize(resize, interpolation), transforms.CenterCrop(crop), transforms.ToTensor(), transforms.Normalize(mean, std)]
    return transforms.Compose(steps)(image).numpy()


def keras(mode, picture):
    """imagenet_utils.preprocess_input, channels last."""
    values = numpy.asarray(picture).astype(numpy.float32)
    if mode == "tf":
        return values / numpy.float32(127.5) - numpy.float32(1)
    return values[..., ::-1] - numpy.array([103.939, 116.779, 123.68], numpy.float32)


cropped = transforms.Compose([transforms.Resize(256, bilinear), transforms.CenterCrop(224)])(image)
loaded = image.resize((224, 224), Image.NEAREST)  # keras.utils.load_img(target_size=(224, 224))
nearest = {"resize": [224, 224], "crop": None, "interpolation": "nearest"}
made = {
    "imagenet": torch_like(256, 224, bilinear, *imagenet),
    "imagenet-v2": torch_like(232, 224, bilinear, *imagenet),
    "inception": torch_like(342, 299, bilinear, *imagenet),
    "places365": torch_like(256, 224, bilinear, *imagenet),
    "timm": torch_like(int(224 / 0.875), 224, bicubic, *imagenet),
    "timm-vit": torch_like(int(224 / 0.9), 224, bicubic, [0.5] * 3, [0.5] * 3),
    "clip": torch_like(224, 224, bicubic, *clip),
    "tf": keras("tf", cropped),
    "caffe": keras("caffe", cropped).transpose(2, 0, 1),
    json.dumps({"preset": "tf", **nearest}): keras("tf", loaded),
    json.dumps({"preset": "caffe", "layout": "nhwc", **nearest}): keras("caffe", loaded),
}
rows = []
for preset, values in made.items():
    data = numpy.ascontiguousarray(values, "<f4")
    some = [float(value) for value in data.ravel()[:: data.size // 7][:8]]
    rows.append({"preset": preset, "dims": list(data.shape), "some": some, "sha256": hashlib.sha256(data.tobytes()).hexdigest()})
here = pathlib.Path(__file__)
here.with_suffix(".json").write_text(json.dumps({"width": WIDTH, "height": HEIGHT, "presets": rows}, indent=1) + "\n")
