"""Writes src/figures/font-widths.ts (advance widths of DejaVu Sans) and test/golden/text-widths.json (whole texts).

DejaVu Sans is what Debian, Ubuntu and Fedora draw where Helvetica and Arial are missing, and one of the widest common
sans-serif fonts: text that fits in it fits in the others. Run with Pillow and the Debian package fonts-dejavu:

    /usr/bin/python3 scripts/font-widths.py
"""
import json
import math
from pathlib import Path
from PIL import ImageFont

root = Path(__file__).resolve().parent.parent
folder = "/usr/share/fonts/truetype/dejavu/"
em = 2048
fonts = {"regular": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}
loaded = {name: ImageFont.truetype(folder + file, em) for name, file in fonts.items()}
ranges = [(0x20, 0x7E), (0xA0, 0x17F), (0x370, 0x3FF), (0x400, 0x45F), (0x2010, 0x2026), (0x2030, 0x203A),
          (0x2190, 0x2193), (0x2211, 0x2212), (0x221A, 0x221A), (0x2248, 0x2248), (0x2260, 0x2265)]
characters = [chr(code) for low, high in ranges for code in range(low, high + 1) if chr(code).isprintable() or code == 0xA0]


def has(file, character):
    small = ImageFont.truetype(folder + file, 32)
    return bytes(small.getmask(character)) != bytes(small.getmask("\U000fffff"))


def table(name):
    byWidth = {}
    for character in characters:
        if has(fonts[name], character):
            # Rounded up, which keeps the table short.
            byWidth.setdefault(math.ceil(loaded[name].getlength(character) / 16) * 16, []).append(character)
    return [[width, "".join(chars)] for width, chars in sorted(byWidth.items())]


def literal(text):
    # Quoted as the project's formatter does; spaces and marks that an editor would change or hide are written as escapes.
    quoted = f"'{text}'" if '"' in text else json.dumps(text, ensure_ascii=False)
    return quoted.replace("\u00a0", "\\u00a0").replace("\u00ad", "\\u00ad")


lines = [
    "// Written by scripts/font-widths.py from the fonts themselves; not by hand.",
    "/**",
    " * Advance widths of DejaVu Sans in 1/2048 of the font size, rounded up to 16: characters by width. DejaVu is wider",
    " * than Helvetica, Arial, Liberation Sans and Noto Sans, so that what fits in it fits in them.",
    " */",
]
for name in fonts:
    lines.append(f"export const {name}Widths: readonly (readonly [width: number, characters: string])[] = [")
    lines += [f"  [{width}, {literal(chars)}]," for width, chars in table(name)]
    lines.append("];")
    lines.append("")
(root / "src/figures/font-widths.ts").write_text("\n".join(lines[:-1]) + "\n")

texts = [
    "alexnet-cifar10.onnx on cifar10:test (10,000 images). Removing it costs 0.44 points of accuracy over all images.",
    "Drawn with the paper's sign, accuracy after minus before: negative means damage.",
    "r = \u22120.49 [\u22120.62, 0.36]", "class_selectivity", "Cardigan, Cardigan Welsh corgi",
    "black-and-tan coonhound <dog> & friends", "95\u00a0% of \u2264 0.05 \u2192 \u2026 \u00d7 \u00b1", "AVATAR To Ty WAVE fi ffl",
    "conv5, unit 21", "élan Größe naïve Łódź Ελλάδα Москва",
]
golden = [{"text": text, **{name: font.getlength(text) / em for name, font in loaded.items()}} for text in texts]
(root / "test/golden/text-widths.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
