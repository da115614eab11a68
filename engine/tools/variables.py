"""What a kernel of Python tells of its variables.

Runs in the kernel beside its cells, in a namespace of its own: nothing of it is left in the user's.
Python 3.6 and later. Every function returns what JSON can hold.

Only of what is built in, and of numpy and pandas, are length, text and items taken; the `__len__` or
`__repr__` of others is the user's code, and may be slow or do something. `info` alone, where the
user asks for one value, takes what its own `__repr__` makes of it.
"""

import sys
import types

SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset, range)
CALLABLE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
SIMPLE = (str, bytes, int, float, bool, complex, type(None))
SHORT = 100  # characters of a value in a list
MAX_SCANNED = 10_000_000  # values whose least and greatest are looked for


def namespace():
    from IPython import get_ipython
    return get_ipython()


def names():
    """Those that the user has made: what IPython itself brings is hidden."""
    ip = namespace()
    return sorted(n for n in list(ip.user_ns)
                  if not n.startswith("_") and n not in ip.user_ns_hidden
                  and type(ip.user_ns[n]).__name__ != "module")


def library(value):
    """"numpy" or "pandas", if it is theirs, else ""."""
    root = (type(value).__module__ or "").split(".")[0]
    return root if root in ("numpy", "pandas") else ""


def short(value):
    """The text of a simple value, else None."""
    if type(value) not in SIMPLE:
        return None
    if type(value) is int and value.bit_length() > 1_000:
        return "an integer of %d bits" % value.bit_length()
    return repr(value[:SHORT] if isinstance(value, (str, bytes)) else value)[:SHORT]


def describe(name, value):
    shape = getattr(value, "shape", None) if library(value) else None
    return {"name": name,
            "type": type(value).__name__,
            "module": type(value).__module__,
            "size": len(value) if type(value) in SIZED else None,
            "shape": [int(n) for n in shape] if isinstance(shape, tuple) else None,
            "value": short(value)}


def memory(value):
    """Bytes of the value itself, without what it refers to; None where it would say so itself."""
    if library(value) == "numpy" and hasattr(value, "nbytes"):
        return int(value.nbytes)
    if library(value) == "pandas" and hasattr(value, "memory_usage"):
        used = value.memory_usage()
        return int(used.sum() if hasattr(used, "sum") else used)
    return None if isinstance(type(value).__sizeof__, types.FunctionType) else sys.getsizeof(value)


def find(name):
    return namespace().user_ns.get(name)


def is_there(name):
    return name in namespace().user_ns


def listing(limit):
    found = names()
    return {"count": len(found), "variables": [describe(n, find(n)) for n in found[:limit]]}


def manifest(limit):
    """The biggest first."""
    found = [dict(describe(n, find(n)), bytes=memory(find(n))) for n in names()]
    found.sort(key=lambda one: -(one["bytes"] or 0))
    return {"count": len(found),
            "bytes": sum(one["bytes"] or 0 for one in found),
            "variables": [{key: one[key] for key in ("name", "type", "size", "shape", "bytes")}
                          for one in found[:limit]]}


def info(name, chars):
    if not is_there(name):
        return None
    value = find(name)
    told = describe(name, value)
    told["text"] = repr(value)[:chars]
    told["keys"] = [str(k)[:SHORT] for k in list(value)[:50]] if type(value) is dict else None
    told["columns"] = ([str(c)[:SHORT] for c in list(value.columns)[:100]]
                       if library(value) == "pandas" and hasattr(value, "columns") else None)
    return told


def entry(key, value):
    text = short(value)
    if text is None and type(value) in SIZED:
        text = "%d items" % len(value)
    return {"key": key, "type": type(value).__name__, "value": text}


def inspect(name, count):
    """What is inside, at most `count` of each."""
    if not is_there(name):
        return None
    value = find(name)
    told = dict(describe(name, value), bytes=memory(value), items=[], text=None)
    if library(value) == "pandas" and hasattr(value, "head"):
        inspect_table(told, value, count)
    elif library(value) == "numpy" and hasattr(value, "dtype"):
        inspect_array(told, value, count)
    elif issubclass(type(value), dict):
        told["items"] = [entry(short(k) or "<%s>" % type(k).__name__, v)
                         for (k, v), _ in zip(dict.items(value), range(count))]
    elif type(value) in (list, tuple, set, frozenset, range):
        told["items"] = [entry(str(i), v) for i, v in zip(range(count), value)]
    elif type(value) in (str, bytes, bytearray):
        told["text"] = str(value[:2_000])
    elif type(value) in CALLABLE:
        inspect_callable(told, value)
    else:
        inspect_object(told, value, count)
    return told


def inspect_table(told, value, count):
    head = value.head(count)
    told["text"] = head.to_string()[:8_000] if hasattr(head, "to_string") else str(head)[:8_000]
    if getattr(value, "ndim", 1) == 2:
        missing = value.isna().sum()
        told["items"] = [{"key": str(c)[:SHORT], "type": str(value.dtypes.iloc[i]),
                          "value": "%d missing" % int(missing.iloc[i])}
                         for i, c in enumerate(list(value.columns)[:100])]
    else:
        told["items"] = [{"key": "dtype", "type": str(value.dtype), "value": None}]


def inspect_array(told, value, count):
    import numpy
    told["items"] = [{"key": "dtype", "type": str(value.dtype), "value": None}]
    if 0 < value.size <= MAX_SCANNED and value.dtype.kind in "biuf":
        told["items"] += [{"key": key, "type": str(value.dtype), "value": str(found)}
                          for key, found in (("min", value.min()), ("max", value.max()))]
    told["text"] = numpy.array2string(numpy.asarray(value), threshold=max(count, 1),
                                      edgeitems=3)[:8_000]


def inspect_callable(told, value):
    import inspect as library_of_python
    try:
        told["text"] = "%s%s" % (getattr(value, "__name__", told["name"]),
                                 library_of_python.signature(value))
    except (TypeError, ValueError):  # what is written in C has none
        told["text"] = getattr(value, "__name__", told["name"])
    doc = getattr(value, "__doc__", None)
    if isinstance(doc, str) and doc.strip():
        told["text"] += "\n" + library_of_python.cleandoc(doc)[:2_000]


def inspect_object(told, value, count):
    """Its own attributes, without properties: those are code."""
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:  # it has none
        own = {}
    if type(own) is dict:
        told["items"] = [entry(str(k)[:SHORT], v) for k, v in list(own.items())[:count]]
    told["text"] = short(value)
