"""The layers, and that there are no circles, as scripts/check_imports.py holds them."""

import check_imports


def test_imports_when_walked_then_every_contract_is_kept() -> None:
    assert check_imports.main() == 0
