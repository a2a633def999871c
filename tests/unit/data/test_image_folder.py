import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from distilscope.data import image_folder
from distilscope.data.raw import BadData
from distilscope.data.readers import read_image_folder

from .data_sources import write_pictures


def grey(value, size=(4, 4)):
    return np.full(size, value, np.uint8)


def colour(*rgb, size=(4, 4)):
    return np.broadcast_to(np.array(rgb, np.uint8), (*size, 3)).copy()


def tree(**changes):
    pictures = {
        "train/dog/b.png": grey(20),
        "train/dog/a.png": grey(10),
        "train/cat/z.png": grey(30),
        "test/cat/q.png": grey(40),
        "test/dog/q.png": grey(50),
    }
    return {**pictures, **changes}


def test_classes_and_files_come_in_the_order_of_their_names(tmp_path):
    write_pictures(tmp_path, tree())
    (tmp_path / "train/dog/.DS_Store").write_text("clutter")
    raw = read_image_folder(tmp_path, 32)
    assert raw.classes == ("cat", "dog")
    assert raw.train.images[:, 0, 0].tolist() == [30, 10, 20]
    assert raw.train.labels.tolist() == [0, 1, 1]
    assert raw.test.images[:, 0, 0].tolist() == [40, 50]
    assert raw.test.indices.tolist() == [3, 4]
    assert raw.grey and raw.train.images.shape == (3, 4, 4)


def test_one_colour_picture_makes_all_of_them_rgb(tmp_path):
    write_pictures(tmp_path, tree(**{"test/cat/q.png": colour(1, 2, 3)}))
    raw = read_image_folder(tmp_path, 32)
    assert raw.train.images.shape == (3, 4, 4, 3)
    assert raw.train.images[0, 0, 0].tolist() == [30, 30, 30]
    assert raw.test.images[0, 0, 0].tolist() == [1, 2, 3]


def test_jpeg_is_read_within_its_loss(tmp_path):
    write_pictures(tmp_path, tree(**{"train/cat/z.JPG": grey(30, (4, 4))}))
    (tmp_path / "train/cat/z.png").unlink()
    raw = read_image_folder(tmp_path, 32)
    assert np.abs(raw.train.images[0].astype(int) - 30).max() <= 1


def test_transparency_is_laid_over_black(tmp_path):
    half = np.zeros((4, 4, 4), np.uint8)
    half[..., 0], half[..., 3] = 200, 51  # a fifth of the red
    grey_alpha = Image.fromarray(np.dstack([grey(100), grey(51)]), mode="LA")
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 9, 90, 200])
    palette.info["transparency"] = 0
    palette.putpixel((0, 0), 0)
    pictures = {"train/cat/z.png": half, "train/dog/a.png": grey_alpha, "train/dog/b.png": palette}
    write_pictures(tmp_path, tree(**pictures))
    raw = read_image_folder(tmp_path, 32)
    assert raw.train.images[0, 0, 0].tolist() == [40, 0, 0]
    assert raw.train.images[1, 0, 0].tolist() == [20, 20, 20]
    assert raw.train.images[2, 0, 0].tolist() == [0, 0, 0]
    assert raw.train.images[2, 1, 1].tolist() == [9, 90, 200]


def test_transparent_grey_stays_grey_and_is_exact(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    opaque = Image.fromarray(np.dstack([ramp, np.full_like(ramp, 255)]), mode="LA")
    pictures = dict.fromkeys(tree(), ramp)
    write_pictures(tmp_path, {**pictures, "train/cat/z.png": opaque})
    raw = read_image_folder(tmp_path, 32)
    assert raw.grey
    assert np.array_equal(raw.train.images[0], ramp)


def test_pictures_of_mixed_size_are_scaled_and_averaged(tmp_path):
    board = np.zeros((8, 8), np.uint8)
    board[:, 1::2] = 200
    write_pictures(tmp_path, tree(**{"train/cat/z.png": board}))
    raw = read_image_folder(tmp_path, 4)
    assert raw.train.images.shape == (3, 4, 4)
    assert np.array_equal(raw.train.images[1], grey(10))
    # Stripes are averaged, not sampled: away from the border they are half of 200.
    assert np.abs(raw.train.images[0][:, 1:3].astype(int) - 100).max() <= 1


def test_padding_pads_each_picture_of_mixed_size_by_itself(tmp_path):
    write_pictures(tmp_path, tree(**{"train/cat/z.png": grey(30, (2, 6))}))
    raw = read_image_folder(tmp_path, 8, "pad")
    assert raw.train.images.shape == (3, 8, 8)
    wide, square = np.zeros((2, 8, 8), np.uint8)
    wide[3:5, 1:7] = 30
    square[2:6, 2:6] = 10
    assert np.array_equal(raw.train.images[0], wide)
    assert np.array_equal(raw.train.images[1], square)


def test_a_picture_too_large_to_be_padded_is_named_with_the_size_that_fits_all(tmp_path):
    pictures = {"train/cat/z.png": grey(30, (9, 2)), "test/dog/q.png": grey(1, (2, 11))}
    write_pictures(tmp_path, tree(**pictures))
    with pytest.raises(BadData, match=r"test/dog/q\.png: .*`fit: resize` or `image_size: 11`"):
        read_image_folder(tmp_path, 8, "pad")


def test_pictures_of_one_size_keep_it(tmp_path):
    write_pictures(tmp_path, {name: grey(5 * i, (3, 5)) for i, name in enumerate(tree())})
    assert read_image_folder(tmp_path, 32).train.images.shape == (3, 3, 5)


@pytest.mark.parametrize("format_name", ["png", "jpg"])
def test_a_damaged_picture_is_named(tmp_path, format_name):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG" if format_name == "jpg" else "PNG")
    whole = buffer.getvalue()
    file = tmp_path / f"train/cat/broken.{format_name}"
    write_pictures(tmp_path, tree())
    for length in range(0, len(whole) - 16, 31):
        file.write_bytes(whole[:length])
        with pytest.raises(BadData, match=rf"broken\.{format_name}: it can't be decoded"):
            read_image_folder(tmp_path, 32)


def test_text_that_calls_itself_a_picture_is_named(tmp_path):
    write_pictures(tmp_path, tree())
    (tmp_path / "test/dog/q.png").write_text("not a picture")
    with pytest.raises(BadData, match=r"test/dog/q\.png: it can't be decoded"):
        read_image_folder(tmp_path, 32)


def test_other_formats_are_named_and_not_skipped(tmp_path):
    write_pictures(tmp_path, tree(**{"train/cat/y.bmp": grey(1)}))
    with pytest.raises(BadData, match=r"y\.bmp: it is not a picture"):
        read_image_folder(tmp_path, 32)
    (tmp_path / "train/cat/y.bmp").rename(tmp_path / "train/cat/y.png")
    with pytest.raises(BadData, match=r"y\.png: it can't be decoded as PNG or JPEG"):
        read_image_folder(tmp_path, 32)


def test_sixteen_bits_a_channel_are_refused(tmp_path):
    deep = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    write_pictures(tmp_path, tree(**{"train/cat/z.png": deep}))
    with pytest.raises(BadData, match=r"z\.png: .*expected 8 bits a channel"):
        read_image_folder(tmp_path, 32)


def deep_png(values, colour_type):
    """A PNG of 16 bits a channel, chunk by chunk as the specification has it."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">II5B", values.shape[1], len(values), 16, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_of_colour_or_with_transparency_are_refused_too(
    tmp_path, colour_type, channels
):
    write_pictures(tmp_path, tree())
    values = np.full((4, 4, channels), 40_000)
    (tmp_path / "train/cat/z.png").write_bytes(deep_png(values, colour_type))
    with pytest.raises(BadData, match=r"z\.png: .*16 bits a channel, expected 8 bits"):
        read_image_folder(tmp_path, 32)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_an_exif_orientation_is_counted_and_not_applied(tmp_path, suffix):
    write_pictures(tmp_path, tree())
    pixels = np.zeros((4, 4), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    for name, orientation in (("upright", 1), ("turned", 6)):
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(tmp_path / f"train/dog/{name}.{suffix}", exif=exif, quality=99)
    raw = read_image_folder(tmp_path, 32)
    assert np.abs(raw.train.images[3].astype(int) - pixels).max() < 40
    (note,) = raw.notes
    assert note.startswith("1 picture(s) have an EXIF orientation, which is not applied")
    assert f"turned.{suffix}" in note


def test_pictures_without_an_orientation_leave_no_note(tmp_path):
    write_pictures(tmp_path, tree())
    assert read_image_folder(tmp_path, 32).notes == ()


COMPOSED, DECOMPOSED = "\u00e9t\u00e9", "e\u0301te\u0301"


def test_a_class_name_is_one_name_in_each_unicode_form(tmp_path):
    write_pictures(
        tmp_path,
        {
            f"train/{COMPOSED}/a.png": grey(1),
            f"test/{DECOMPOSED}/a.png": grey(2),
            "train/cat/a.png": grey(3),
            "test/cat/a.png": grey(4),
        },
    )
    raw = read_image_folder(tmp_path, 32)
    assert raw.classes == ("cat", COMPOSED)
    assert raw.test.images[:, 0, 0].tolist() == [4, 2]


def test_two_folders_that_are_one_name_are_refused_by_their_bytes(tmp_path):
    write_pictures(tmp_path, {f"train/{n}/a.png": grey(1) for n in (COMPOSED, DECOMPOSED, "cat")})
    with pytest.raises(BadData, match=r"in two Unicode forms; merge them"):
        read_image_folder(tmp_path, 32)


def png_that_claims(width, height):
    header = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize("side", [7_500, 10_000, 100_000])
@pytest.mark.filterwarnings("error")
def test_an_image_bomb_is_refused_by_its_header(tmp_path, side):
    limit = Image.MAX_IMAGE_PIXELS
    write_pictures(tmp_path, tree())
    (tmp_path / "train/cat/bomb.png").write_bytes(png_that_claims(side, side))
    with pytest.raises(BadData, match=r"bomb\.png: it has over 50000000 pixels"):
        read_image_folder(tmp_path, 32)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_folder_too_large_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(image_folder, "DECODED_LIMIT_BYTES", 79)
    write_pictures(tmp_path, tree())
    with pytest.raises(BadData, match="5 pictures of 4x4 pixels take"):
        read_image_folder(tmp_path, 32)


def test_classes_of_train_and_test_must_be_the_same(tmp_path):
    write_pictures(tmp_path, tree(**{"train/emu/a.png": grey(1)}))
    with pytest.raises(BadData, match=r"test: there is no folder for class\(es\) emu of train"):
        read_image_folder(tmp_path, 32)
    write_pictures(tmp_path, {"test/emu/a.png": grey(1), "test/yak/a.png": grey(1)})
    with pytest.raises(BadData, match=r"train: there is no folder for class\(es\) yak of test"):
        read_image_folder(tmp_path, 32)


def test_missing_folder_empty_class_and_stray_file_are_named(tmp_path):
    with pytest.raises(BadData, match="train: there is no such folder"):
        read_image_folder(tmp_path, 32)
    write_pictures(tmp_path, tree())
    (tmp_path / "test/cat/q.png").unlink()
    with pytest.raises(BadData, match="test/cat: the class has no picture"):
        read_image_folder(tmp_path, 32)
    (tmp_path / "test/notes.txt").write_text("x")
    with pytest.raises(BadData, match=r"notes\.txt: a file beside the class folders"):
        read_image_folder(tmp_path, 32)
