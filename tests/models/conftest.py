"""What files of tests about models may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.nets_of_tests import on_one_thread


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For files of small nets: `pytestmark = pytest.mark.usefixtures("one_thread")`."""
    with on_one_thread():
        yield
