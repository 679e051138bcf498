"""The providers' APIs, one file per vendor: data and pure `build_*` / `parse_*` functions. A quirk never leaves its
file.

`base` has what a provider is, `transport` the one place that calls them, `registry` says who a `model` means.
"""
