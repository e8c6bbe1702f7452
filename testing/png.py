# SPDX-License-Identifier: GPL-2.0
"""Pictures: PPM in, PNG out."""

import re
import struct
import zlib

GAP = 4		# pixels


def read_ppm(path):
    """The lines of a picture, three bytes for each pixel"""
    with open(path, "rb") as f:
        data = f.read()
    head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    width, height = int(head[1]), int(head[2])
    pixels = data[head.end():]
    if len(pixels) != 3 * width * height:
        raise ValueError(f"{path} is not whole")
    return [pixels[y * 3 * width:(y + 1) * 3 * width] for y in range(height)]


def write_png(path, *pictures):
    """Pictures of one height, side by side"""
    gap = b"\xff" * 3 * GAP
    lines = [gap.join(line) for line in zip(*pictures, strict=True)]

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    size = struct.pack(">IIBBBBB", len(lines[0]) // 3, len(lines), 8, 2, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) +
                chunk(b"IDAT", zlib.compress(b"".join(b"\0" + line for line in lines), 9)) +
                chunk(b"IEND", b""))
