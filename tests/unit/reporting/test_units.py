"""What examples are called in a report."""

from distilscope.reporting.units import in_units

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
