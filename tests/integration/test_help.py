"""Variables, completion and help, without a trace in the namespace."""

import unittest

import celldeck
from celldeck import text_of
from kernelcase import Kernels


class Help(Kernels):
    def test_variables_leave_no_trace(self):
        server = self.serve()
        before = text_of(self.run_code(server, "x = 41\nname = 'Ada'\nrows = [1, 2, 3]\n"
                                               "import math\nnames = sorted(globals())\n"
                                               "print(len(names))")["outputs"])
        found = server.call("list_variables", notebook_path="a.ipynb")
        kinds = {v["name"]: (v["type"], v["value"], v["size"]) for v in found["variables"]}
        self.assertEqual(kinds, {"x": ("int", "41", None), "name": ("str", "'Ada'", 3),
                                 "rows": ("list", None, 3), "names": ("list", None, int(before))})
        info = server.call("get_variable_info", notebook_path="a.ipynb", name="rows")
        self.assertEqual(info["text"], "[1, 2, 3]")
        after = self.run_code(server, "print(sorted(set(globals()) - set(names)), Out)")
        # What IPython itself adds for a second cell, and what the first has made last.
        self.assertEqual(text_of(after["outputs"]), "['_i2', 'names'] {}\n")
        self.assertEqual(after["execution_count"], 2)

    def test_the_manifest_has_the_biggest_first(self):
        server = self.serve()
        self.run_code(server, "import numpy\nlittle = 1\nbig = numpy.zeros(1_000_000)\n"
                              "class Sly:\n"
                              "    def __sizeof__(self): raise SystemExit('ran')\nsly = Sly()")
        told = server.call("get_variable_manifest", notebook_path="a.ipynb")
        sizes = {v["name"]: v["bytes"] for v in told["variables"]}
        self.assertEqual(told["variables"][0]["name"], "big")
        self.assertEqual((sizes["big"], sizes["sly"]), (8_000_000, None))
        self.assertEqual(told["bytes"], sum(size or 0 for size in sizes.values()))
        self.assertEqual(told["count"], len(sizes))
        two = server.call("get_variable_manifest", notebook_path="a.ipynb", limit=2)
        self.assertEqual((len(two["variables"]), two["count"]), (2, len(sizes)))

    def test_what_is_inside_a_variable(self):
        server = self.serve()
        self.run_code(server, """
import collections, numpy, pandas
table = pandas.DataFrame({"year": [1999, 2000, 2001], "rate": [0.5, None, 1.5]})
column = table["rate"]
grid = numpy.arange(12).reshape(3, 4)
config = {"path": "/tmp", 7: [1, 2], ("a", 1): None}
ordered = collections.OrderedDict(a=1)
many = list(range(1000))
text = "x" * 5000
huge = 10 ** 6000
def scale(value, by=2):
    'Makes it bigger.'
ran = []
class Model:
    def __init__(self): self.depth, self.parts = 3, [1]
    @property
    def area(self): ran.append("area")
    def __repr__(self): ran.append("repr"); return "Model"
    def __len__(self): ran.append("len"); return 1
class Odd(dict):
    def __iter__(self): ran.append("iter"); return iter(())
    def __getitem__(self, key): ran.append("getitem")
    def keys(self): ran.append("keys"); return []
class Meta(type):
    def __eq__(self, other): ran.append("meta"); return False
    __hash__ = type.__hash__
class Sly(metaclass=Meta):
    def __repr__(self): ran.append("repr"); raise SystemExit
    def __getattr__(self, name): ran.append(name); raise AttributeError
    def __sizeof__(self): ran.append("sizeof"); return 1
    @property
    def __dict__(self): ran.append("dict"); return {}
    @property
    def __class__(self): ran.append("class"); return int
model, odd, sly = Model(), Odd(a=1), Sly()
def trap(by=Sly(), *, to=3): pass
objects = numpy.array([Sly(), "x"], dtype=object)
mixed = pandas.DataFrame({"o": [Sly(), "x"]})
labelled = pandas.DataFrame([[1]], columns=pandas.Index([Sly()], dtype=object))
chosen = pandas.DataFrame({"c": pandas.Series(pandas.Categorical.from_codes([0], [Sly()]))})
groups = table.groupby("year")
half = "a" + chr(0xdc80)
ran.clear()  # numpy and pandas have asked it themselves
bytes, exec = 5, lambda *more: ran.append("exec")
names = sorted(globals())
""")
        inside = lambda name, **more: server.call("inspect_variable", notebook_path="a.ipynb",
                                                  name=name, **more)
        rows = lambda told: [(i["key"], i["type"], i["value"]) for i in told["items"]]
        table = inside("table", max_items=2)
        self.assertEqual(table["shape"], [3, 2])
        self.assertEqual(rows(table), [("year", "int64", "0 missing"),
                                       ("rate", "float64", "1 missing")])
        self.assertIn("2000", table["text"])
        self.assertNotIn("2001", table["text"])
        self.assertEqual(rows(inside("column")), [("dtype", "float64", None)])
        grid = inside("grid")
        self.assertEqual(rows(grid), [("dtype", "int64", None), ("min", "int64", "0"),
                                      ("max", "int64", "11")])
        self.assertEqual(grid["bytes"], 96)
        self.assertEqual(rows(inside("config")), [
            ("'path'", "str", "'/tmp'"), ("7", "list", "2 items"), ("<tuple>", "NoneType", "None")])
        self.assertEqual(rows(inside("ordered")), [("'a'", "int", "1")])
        self.assertEqual(rows(inside("many", max_items=2)), [("0", "int", "0"), ("1", "int", "1")])
        self.assertEqual(inside("many")["size"], 1_000)
        self.assertEqual(inside("text")["text"], "x" * 2_000)
        self.assertEqual(inside("huge")["text"], "an integer of 19932 bits")
        self.assertEqual(inside("scale")["text"], "scale(value, by=2)\nMakes it bigger.")
        self.assertEqual(rows(inside("model")), [("depth", "int", "3"), ("parts", "list", "1 items")])
        self.assertEqual(rows(inside("odd")), [("'a'", "int", "1")])
        self.assertEqual(inside("trap")["text"], "trap(by=<Sly>, *, to=3)")
        self.assertEqual(rows(inside("objects"))[1:], [("0", "Sly", None), ("1", "str", "'x'")])
        self.assertIn("<Sly>", inside("mixed")["text"])
        self.assertEqual(inside("half")["text"], "a?")
        self.assertEqual(rows(inside("labelled")), [("<Sly>", "int64", "0 missing")])
        self.assertIn("<Sly>", inside("chosen")["text"])
        for name in ("sly", "groups", "Sly", "bytes"):
            inside(name)
        for tool in ("list_variables", "get_variable_manifest"):
            server.call(tool, notebook_path="a.ipynb")
        after = self.run_code(server, "print(ran, sorted(set(globals()) - set(names)))")
        self.assertEqual(text_of(after["outputs"]), "[] ['_i2', 'names']\n")
        with self.assertRaises(celldeck.ToolError) as refused:
            inside("nix")
        self.assertEqual(refused.exception.code, "not_found")

    def test_a_name_is_never_run_as_code(self):
        server = self.serve()
        self.run_code(server, "1")
        trap = self.work / "trap"
        for name in (f"open({str(trap)!r}, 'w')", "x') or __import__('os').abort() or ('",
                     "__import__('os').abort()", "\\", "'", "日本"):
            for tool in ("get_variable_info", "inspect_variable"):
                with self.subTest(name, tool=tool), self.assertRaises(celldeck.ToolError) as refused:
                    server.call(tool, notebook_path="a.ipynb", name=name)
                self.assertEqual(refused.exception.code, "not_found")
        self.assertFalse(trap.exists())
        self.assertEqual(self.run_code(server, "1")["status"], "completed")

    def test_help(self):
        server = self.serve()
        self.run_code(server, "def greet(name):\n    'Says hello.'\ntotal = 1")
        found = server.call("get_completions", notebook_path="a.ipynb", code="é = gre")
        self.assertIn("greet", found["matches"])
        self.assertEqual((found["cursor_start"], found["cursor_end"]), (4, 7))
        for tool in ("get_completions", "inspect_code"):
            with self.subTest(tool), self.assertRaises(celldeck.ToolError) as refused:
                server.call(tool, notebook_path="a.ipynb", code="𝒳 = gre", cursor_pos=8)
            self.assertEqual(refused.exception.code, "invalid_argument")
        told = server.call("inspect_code", notebook_path="a.ipynb", code="greet")
        self.assertIn("Says hello.", told["data"]["text/plain"])
        self.assertFalse(server.call("inspect_code", notebook_path="a.ipynb", code="nix")["found"])
        history = server.call("get_kernel_history", notebook_path="a.ipynb")["history"]
        self.assertIn("total = 1", history[-1]["code"])
        for code, status in (("for i in x:", "incomplete"), ("1 +* 1", "invalid"),
                             ("1", "complete")):
            self.assertEqual(
                server.call("is_code_complete", notebook_path="a.ipynb", code=code)["status"],
                status)

    def test_without_a_kernel_it_says_so(self):
        server = self.serve()
        for tool, more in (("list_variables", {}), ("get_completions", {"code": "x"}),
                           ("interrupt_kernel", {}), ("restart_kernel", {}),
                           ("check_kernel_resources", {})):
            with self.subTest(tool), self.assertRaises(celldeck.ToolError) as refused:
                server.call(tool, notebook_path="a.ipynb", **more)
            self.assertEqual(refused.exception.code, "no_kernel")


if __name__ == "__main__":
    celldeck.main()
