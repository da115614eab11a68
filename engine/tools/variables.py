"""What a kernel of Python tells of its variables.

Runs in the kernel beside its cells, in a namespace of its own: nothing of it is left in the user's.
Python 3.6 and later. Every function returns what JSON can hold.

Nothing here runs the user's code: only of what is built in, and of numpy and pandas, are length,
text and items taken, and never the `__repr__`, `__len__` or `__eq__` of a class of the user's.
`info` alone, where the user asks for one value, takes what its own `__repr__` makes of it.
"""

import itertools
import sys
import types

SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset, range)
CALLABLE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
SIMPLE = (str, bytes, int, float, bool, complex, type(None))
SHORT = 100  # characters of a value in a list
TEXT = 8_000  # characters of what is shown of one value
COLUMNS = 100
MAX_SCANNED = 10_000_000  # values of which the least, the greatest and the missing are looked for


def namespace():
    from IPython import get_ipython
    return get_ipython()


def is_any(value, kinds):
    """Exactly of one of these types: `in` would ask a metaclass what is equal to it."""
    return any(type(value) is kind for kind in kinds)


def class_member(value, name):
    """Of the first class that has it, untouched: a metaclass may have ideas of its own."""
    for kind in type.mro(type(value)):
        members = type.__dict__["__dict__"].__get__(kind)
        if name in members:
            return members[name]
    return None


def clean(text, length):
    """What JSON can hold: a file's name may have half a character in it."""
    return text[:length].encode("utf-8", "replace").decode()


def names():
    """Those that the user has made: what IPython itself brings is hidden."""
    ip = namespace()
    return sorted(n for n in list(ip.user_ns)
                  if type(n) is str and not n.startswith("_") and n not in ip.user_ns_hidden
                  and type(ip.user_ns[n]) is not types.ModuleType)


def library(value):
    """"numpy" or "pandas", if it is theirs, else ""."""
    module = type.__dict__["__module__"].__get__(type(value))
    root = module.split(".")[0] if type(module) is str else ""
    return root if root in ("numpy", "pandas") else ""


def short(value):
    """The text of a simple value, else None."""
    if not is_any(value, SIMPLE):
        return None
    if type(value) is int and value.bit_length() > 1_000:
        return "an integer of %d bits" % value.bit_length()
    return clean(repr(value[:SHORT] if is_any(value, (str, bytes)) else value), SHORT)


def type_name(value):
    return clean(type.__dict__["__name__"].__get__(type(value)), SHORT)


def describe(name, value):
    shape = getattr(value, "shape", None) if library(value) else None
    module = type.__dict__["__module__"].__get__(type(value))
    return {"name": name,
            "type": type_name(value),
            "module": module if type(module) is str else None,
            "size": len(value) if is_any(value, SIZED) else None,
            "shape": [int(n) for n in shape] if type(shape) is tuple else None,
            "value": short(value)}


def memory(value):
    """Bytes of the value itself, without what it refers to; None where it would say so itself."""
    if library(value) == "numpy" and hasattr(value, "nbytes"):
        return int(value.nbytes)
    if is_table(value):
        used = value.memory_usage()
        return int(used.sum() if hasattr(used, "sum") else used)
    builtin = (types.MethodDescriptorType, types.WrapperDescriptorType)
    return sys.getsizeof(value) if is_any(class_member(value, "__sizeof__"), builtin) else None


def is_table(value):
    """A DataFrame, Series or Index of pandas' own."""
    if library(value) != "pandas":
        return False
    import pandas
    return isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index))


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
    try:
        told["text"] = clean(repr(value), chars)
    except Exception as why:  # the user's own code, or an integer that Python does not print
        told["text"] = short(value) or clean("<its repr failed: %s>" % type(why).__name__, SHORT)
    told["keys"] = ([entry_key(k) for k in itertools.islice(value, 50)] if type(value) is dict
                    else None)
    told["columns"] = ([entry_key(c) for c in list(value.columns[:COLUMNS])]
                       if is_table(value) and hasattr(value, "columns") else None)
    return told


def entry_key(key):
    return clean(key, SHORT) if type(key) is str else short(key) or "<%s>" % type_name(key)


def entry(key, value):
    text = short(value)
    if text is None and is_any(value, SIZED):
        text = "%d items" % len(value)
    return {"key": key, "type": type_name(value), "value": text}


def inspect(name, count):
    """What is inside, at most `count` of each."""
    if not is_there(name):
        return None
    value = find(name)
    told = dict(describe(name, value), bytes=memory(value), items=[], text=None)
    if is_table(value):
        inspect_table(told, value, count)
    elif library(value) == "numpy" and hasattr(value, "dtype") and hasattr(value, "nbytes"):
        inspect_array(told, value, count)
    elif any(kind is dict for kind in type.mro(type(value))):
        told["items"] = [entry(short(k) or "<%s>" % type_name(k), v)
                         for k, v in itertools.islice(dict.items(value), count)]
    elif is_any(value, (list, tuple, set, frozenset, range)):
        told["items"] = [entry(str(i), v) for i, v in enumerate(itertools.islice(value, count))]
    elif type(value) is str:
        told["text"] = clean(value, 2_000)
    elif is_any(value, (bytes, bytearray)):
        told["text"] = repr(bytes(value[:2_000]))
    elif is_any(value, CALLABLE):
        inspect_callable(told, value)
    else:
        inspect_object(told, value, count)
    return told


def inspect_table(told, value, count):
    import pandas
    if not isinstance(value, pandas.DataFrame):
        told["items"] = [{"key": "dtype", "type": clean(str(value.dtype), SHORT), "value": None}]
        head = pandas.DataFrame({told["name"]: value[:count]})
    else:
        few = value.iloc[:, :COLUMNS]
        counts = few.size <= MAX_SCANNED
        missing = few.isna().sum() if counts else None
        told["items"] = [{"key": entry_key(c), "type": clean(str(few.dtypes.iloc[i]), SHORT),
                          "value": "%d missing" % int(missing.iloc[i]) if counts else None}
                         for i, c in enumerate(list(few.columns))]
        head = few.iloc[:count]
    # What an object looks like is the user's code, be it a label or in a cell, unless it is simple.
    if has_plain_labels(head.columns) and has_plain_labels(head.index):
        shown = head.apply(lambda column: column if is_plain(column.dtype) else
                           column.astype(object).map(lambda v: short(v) or "<%s>" % type_name(v)))
        told["text"] = clean(shown.to_string(max_colwidth=SHORT), TEXT)


def is_plain(dtype):
    """Whether what has it is numbers, times or texts, and no objects, which categories may be."""
    import numpy
    import pandas
    if isinstance(dtype, numpy.dtype):
        return not dtype.hasobject
    return library(dtype) == "pandas" and not isinstance(dtype, pandas.CategoricalDtype)


def has_plain_labels(labels):
    return is_plain(labels.dtype) or all(is_any(label, SIMPLE) for label in list(labels))


def inspect_array(told, value, count):
    import numpy
    told["items"] = [{"key": "dtype", "type": clean(str(value.dtype), SHORT), "value": None}]
    if 0 < value.size <= MAX_SCANNED and value.dtype.kind in "biuf":
        told["items"] += [{"key": key, "type": str(value.dtype), "value": str(found)}
                          for key, found in (("min", value.min()), ("max", value.max()))]
    if value.dtype.hasobject:
        told["items"] += [entry(str(i), v) for i, v in
                          enumerate(itertools.islice(numpy.asarray(value).flat, count))]
    else:
        told["text"] = clean(numpy.array2string(numpy.asarray(value), threshold=max(count, 1),
                                                edgeitems=3), TEXT)


def default_of(parameter):
    """Its default as text: that of an object would be the user's code."""
    return short(parameter) or "<%s>" % type_name(parameter)


class Shown:
    """In the place of a default or annotation, as it is to be shown."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def inspect_callable(told, value):
    import inspect as library_of_python
    name = told["name"]
    told["text"] = name
    if type(value) is types.FunctionType or type(value) is types.MethodType:
        function = value.__func__ if type(value) is types.MethodType else value
        if type(function) is types.FunctionType:
            # Of its code alone, and not of a `__signature__` or what it wraps.
            bare = types.FunctionType(function.__code__, {}, function.__name__, tuple(
                Shown(default_of(d)) for d in function.__defaults__ or ()) or None,
                function.__closure__)
            bare.__kwdefaults__ = {k: Shown(default_of(d)) for k, d in
                                   (function.__kwdefaults__ or {}).items()} or None
            told["text"] = "%s%s" % (function.__name__, library_of_python.signature(bare))
    doc = type.__dict__["__doc__"].__get__(value) if type(value) is type else \
        getattr(value, "__doc__", None)
    if type(doc) is str and doc.strip():
        told["text"] += "\n" + library_of_python.cleandoc(doc)
    told["text"] = clean(told["text"], 2_000)


def inspect_object(told, value, count):
    """Its own attributes, without properties: those are code."""
    slot = class_member(value, "__dict__")
    own = slot.__get__(value) if type(slot) is types.GetSetDescriptorType else None
    if type(own) is dict:
        told["items"] = [entry(entry_key(k), v) for k, v in itertools.islice(own.items(), count)]
    told["text"] = short(value)
