"""The tables: builders make a :class:`Table` from scores, :func:`write_table` makes its files."""

import lazy_loader as lazy

# a job imports the module that it needs, and not all of them: see __init__.pyi for the names
__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
