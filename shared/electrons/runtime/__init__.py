"""The Workers runtime: the only code that imports `js`, `pyodide` and `workers`.

Crossing between Python and JavaScript is what costs here, so whole JSON texts and byte buffers cross, not object
graphs.
"""
