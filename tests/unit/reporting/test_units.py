"""What examples are called in a report."""

from distilscope.reporting.units import in_units

from .conftest import build

PAGE = (
    '<style>.images{}</style><p class="image" title="images">Images: <b>an image</b> of 3 test '
    "images.</p><script>images = 1</script>"
)


def test_texts_are_called_items_where_people_read_and_nowhere_else():
    assert in_units(PAGE, "items") == (
        '<style>.images{}</style><p class="image" title="images">Items: <b>an item</b> of 3 test '
        "items.</p><script>images = 1</script>"
    )


def test_a_page_of_images_stays_as_it_is_to_the_byte():
    assert in_units(PAGE, "images") is PAGE


def test_words_that_only_begin_alike_stay():
    assert in_units("imagery and a1image, imageless", "items") == "imagery and a1image, imageless"


OWN = ["image-captions", "Do image captions & images help?", "an image of images", "add"]


def test_names_and_sentences_of_the_user_stand_as_they_are():
    page = (
        "<h1>Do image captions &amp; images help?</h1><p>Of 3 images of image-captions 2 are "
        "right, one image-captions2 and one image isn't: an image\n of  images.</p>"
    )
    assert in_units(page, "items", OWN) == (
        "<h1>Do image captions &amp; images help?</h1><p>Of 3 items of image-captions 2 are "
        "right, one item-captions2 and one item isn't: an image\n of  images.</p>"
    )


def test_a_name_that_is_the_word_itself_stands_wherever_it_may_be_meant():
    found = in_units("image: 3 of the image's 9 images; Image", "items", ["image"])
    assert found == "image: 3 of the image's 9 items; Item"


def test_a_report_of_texts_keeps_what_the_user_called_image(tmp_path):
    made = build(tmp_path)
    made.draw()
    configuration = {
        "data": {"tasks": [{"name": "image-captions"}]},
        "students": {"image-net": {}},
    }
    title = "Do images & captions help?"
    of_images = made.report(title, into="images").read_text()
    notes = ["task image-captions: 2 items are left out", "3 images of image-net are few"]
    page = made.report(title, notes, configuration=configuration, unit="items").read_text()
    assert "Do images &amp; captions help?" in page
    assert "task image-captions: 2 items" in page and "3 items of image-net are few" in page
    assert "test images" in of_images and "test items" in page and "test images" not in page
