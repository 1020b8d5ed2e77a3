"""NumPy archives and Parquet files as other tools write them, for test/data/npz-set.test.ts and parquet-set.test.ts.

python3 test/golden/arrays.py, with NumPy 2 and PyArrow 25; writes arrays.json beside itself, from the PNG files in
decoding.json.
"""

import base64
import io
import json
import pathlib

import numpy
import pyarrow
import pyarrow.parquet

here = pathlib.Path(__file__).parent
code = lambda data: base64.b64encode(bytes(data)).decode()
colour = (numpy.arange(6 * 4 * 5 * 3) * 7 % 256).astype(numpy.uint8).reshape(6, 4, 5, 3)
gray = (numpy.arange(6 * 4 * 5) * 11 % 256).astype(numpy.uint8).reshape(6, 4, 5)
labels = numpy.array([0, 1, 2, 0, 1, 2])
names = numpy.array(["cat", "dog", "œuf"])


def npz(save, *arrays, **named):
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return code(stream.getvalue())


archives = {
    "images-labels": npz(numpy.savez, images=colour, labels=labels, class_names=names),
    "compressed": npz(numpy.savez_compressed, images=colour, labels=labels.astype(numpy.uint8)),
    "gray": npz(numpy.savez, x=gray, y=labels.astype(numpy.int32)),
    "planar": npz(numpy.savez, X=numpy.ascontiguousarray(colour.transpose(0, 3, 1, 2)), y=labels.reshape(-1, 1)),
    "positional": npz(numpy.savez, colour, labels),
    "splits": npz(
        numpy.savez, x_train=gray, y_train=labels, x_test=gray[:3] + 1, y_test=labels[:3].astype(numpy.uint8)
    ),
    "medmnist": npz(numpy.savez, train_images=gray, train_labels=labels[:, None], test_images=gray[3:], test_labels=labels[3:, None]),
    "float": npz(numpy.savez, images=colour / 255.0, labels=labels),
    "fortran": npz(numpy.savez, images=numpy.asfortranarray(colour), labels=labels),
    "no-labels": npz(numpy.savez, images=colour),
    "short": npz(numpy.savez, images=colour, labels=labels[:4]),
    "gap": npz(numpy.savez, images=gray, labels=numpy.array([0, 0, 2, 2, 0, 0])),
    "negative": npz(numpy.savez, images=gray, labels=labels - 1),
}


def parquet(table, **options):
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, **options)
    return code(stream.getvalue())


decoding = json.loads((here / "decoding.json").read_text())
pictures = [base64.b64decode(decoding[name]["file"]) for name in ("rgb.png", "444.jpg", "gray.png", "lossless.webp")]
feature = {"names": ["cat", "dog"], "_type": "ClassLabel"}
hugging_face = {b"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": feature}}}).encode()}
struct = pyarrow.array(
    [{"bytes": data, "path": f"{index}.png"} for index, data in enumerate(pictures)],
    pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]),
)
image_labels = pyarrow.array([0, 1, 1, 0], pyarrow.int64())
raw = [row.tobytes() for row in colour[:, :4, :4, :].copy()]
tables = {
    "hugging-face": parquet(
        pyarrow.table({"image": struct, "label": image_labels}).replace_schema_metadata(hugging_face), row_group_size=3
    ),
    "zstd": parquet(pyarrow.table({"image": pictures, "label": image_labels}), compression="zstd"),
    "gzip": parquet(pyarrow.table({"image": pictures, "label": image_labels}), compression="gzip"),
    "names": parquet(pyarrow.table({"id": [5, 6, 7, 8], "img": pictures, "label": ["dog", "cat", "cat", "ape"]})),
    "raw": parquet(pyarrow.table({"image": raw, "label": labels.astype(numpy.uint8)}), row_group_size=2),
    "sized": parquet(
        pyarrow.table(
            {
                "image": [row.tobytes() for row in colour],
                "height": numpy.full(6, 4, numpy.int32),
                "width": numpy.full(6, 5, numpy.int32),
                "label": labels,
            }
        )
    ),
    "nested": parquet(pyarrow.table({"image": [row.tolist() for row in colour], "label": labels})),
    "no-label": parquet(pyarrow.table({"image": pictures, "caption": ["a", "b", "c", "d"]})),
    "no-bytes": parquet(pyarrow.table({"image": [pictures[0], None], "label": [0, 1]})),
}
(here / "arrays.json").write_text(json.dumps({"npz": archives, "parquet": tables}, indent=1) + "\n")
