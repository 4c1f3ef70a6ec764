"""Writes pickles, archives, packed files and tensors by Python's own modules, and made.json, which says what they hold.

    cd test/formats/files && python3 make.py
"""
import gzip
import io
import json
import pickle
import struct
import tarfile

import numpy as np

PIXELS = (np.arange(2 * 12, dtype=np.uint32) * 37 % 256).astype(np.uint8).reshape(2, 12)
VALUE = {
    "data": PIXELS,
    "fortran": np.asfortranarray(PIXELS),
    "labels": [3, 255, 65535, -1, 2**31 - 1, 2**40, -(2**63), 2**80],
    "truth": [True, False, None],
    "floats": [0.5, -1e300, float("inf")],
    "texts": ["plain", "\u00e9\u20ac\U0001f600", "line\nfeed", ""],
    "bytes": [b"plain", b"\x00\xff\n'\"\\"],
    "pairs": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "numbers": np.array([1, -2, 300], dtype=">i2"),
    "doubles": np.array([[0.5, 1.5]]),
    "flags": np.array([True, False]),
}


class Python2(pickle._Pickler):
    """Writes bytes and plain texts as Python 2 writes its texts: what CIFAR's own files hold."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str2(self, obj):
        raw = obj if isinstance(obj, bytes) else obj.encode("latin1")
        if self.proto == 0:
            self.write(b"S" + repr(raw)[1:].encode("ascii") + b"\n")
        elif len(raw) < 256:
            self.write(b"U" + bytes([len(raw)]) + raw)
        else:
            self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(obj)

    dispatch[bytes] = save_str2
    dispatch[str] = save_str2


def python2(value, protocol):
    out = io.BytesIO()
    Python2(out, protocol).dump(value)
    return out.getvalue()


for protocol in range(6):
    with open(f"values_protocol{protocol}.pkl", "wb") as f:
        pickle.dump(VALUE, f, protocol)
plain = {"data": PIXELS.repeat(20, axis=1), "labels": [7, 9], "names": [b"a\n'b", b"c"]}
for protocol in (0, 1, 2):
    with open(f"python2_protocol{protocol}.pkl", "wb") as f:
        f.write(python2(plain, protocol))


def archive(name, kind, paths):
    with tarfile.open(name, "w", format=kind) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for path in paths:
            info = tarfile.TarInfo(path)
            info.size = len(path) % 600
            tar.addfile(info, io.BytesIO(path.encode()[: info.size]))


SHORT = "./folder/short.bin"
LONG = "folder/" + "long" * 30 + "/" + "name" * 20
LONGER = "folder/" + "longer" * 60 + "/\u00e9" + "name" * 60
archive("ustar.tar", tarfile.USTAR_FORMAT, [SHORT, LONG])
archive("gnu.tar", tarfile.GNU_FORMAT, [SHORT, LONG, LONGER])
archive("pax.tar", tarfile.PAX_FORMAT, [SHORT, LONG, LONGER])

with open("members.gz", "wb") as f:
    with gzip.GzipFile("a name", "wb", fileobj=f, mtime=0) as g:
        g.write(b"first ")
    f.write(gzip.compress(b"", mtime=0))
    f.write(gzip.compress(b"second", mtime=0) + bytes(7))
with open("bomb.gz", "wb") as f:
    f.write(gzip.compress(bytes(10**7), 9, mtime=0))

weights = np.array([[0.5, -1.5], [2.0, 3.25]], dtype="<f4")
steps = np.array([7, -8], dtype="<i4")
header = json.dumps(
    {
        "weights": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "steps": {"dtype": "I32", "shape": [2], "data_offsets": [16, 24]},
        "__metadata__": {"format": "pt"},
    }
).encode()
header += b" " * (-len(header) % 8)
with open("two.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(header)) + header + weights.tobytes() + steps.tobytes())

with open("made.json", "w") as f:
    json.dump({"short": SHORT[2:], "long": LONG, "longer": LONGER, "pixels": PIXELS.ravel().tolist()}, f)
    f.write("\n")
