"""The extension's descriptions agree with each other and with the tree."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
MODULES = sorted(p.parent for p in (ROOT / "ImperfectSegModule").glob("*/Resources"))
PACKAGES = [ROOT / "ImperfectSegLogic", ROOT / "ImperfectSegModule" / "ImperfectSegLib"]


def cmake_variable(name: str) -> str:
    return re.search(rf'set\({name} "([^"]*)"\)', CMAKE).group(1)


def cmake_list(folder: Path, name: str) -> list[str]:
    text = (folder / "CMakeLists.txt").read_text(encoding="utf-8")
    body = re.search(rf"set\({name}\s([^)]*)\)", text).group(1)
    return body.replace("${MODULE_NAME}", folder.name).split()


def s4ext() -> dict[str, str]:
    lines = (ROOT / "ImperfectSeg.s4ext").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def catalog_entry() -> dict[str, object]:
    return json.loads((ROOT / "ImperfectSeg.json").read_text(encoding="utf-8"))


def test_the_project_and_its_catalog_files_have_one_name():
    name = re.search(r"project\((\w+)\)", CMAKE).group(1)
    assert (ROOT / f"{name}.s4ext").exists()
    assert (ROOT / f"{name}.json").exists()


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("homepage", "EXTENSION_HOMEPAGE"),
        ("contributors", "EXTENSION_CONTRIBUTORS"),
        ("category", "EXTENSION_CATEGORY"),
        ("iconurl", "EXTENSION_ICONURL"),
        ("description", "EXTENSION_DESCRIPTION"),
        ("screenshoturls", "EXTENSION_SCREENSHOTURLS"),
        ("depends", "EXTENSION_DEPENDS"),
    ],
)
def test_s4ext_says_what_cmake_says(key, variable):
    assert s4ext()[key] == cmake_variable(variable)


def test_json_says_what_s4ext_says():
    entry, older = catalog_entry(), s4ext()
    assert entry["category"] == older["category"]
    assert entry["scm_url"] == older["scmurl"]
    assert entry["scm_revision"] == older["scmrevision"]
    assert entry["build_subdirectory"] == older["build_subdirectory"]
    assert (" ".join(entry["build_dependencies"]) or "NA") == older["depends"]


def test_urls_of_pictures_name_files_of_the_tree():
    for url in f"{s4ext()['iconurl']} {s4ext()['screenshoturls']}".split():
        assert (ROOT / url.split("/main/", 1)[1]).is_file(), url


def test_cmake_ends_as_slicer_asks():
    order = ["find_package(Slicer", "Slicer_USE_FILE", "GENERATE_CONFIG", "EXTENSION_CPACK"]
    places = [CMAKE.index(word) for word in order]
    assert places == sorted(places)


def test_cmake_builds_every_module_and_package_of_the_tree():
    built = set(re.findall(r"add_subdirectory\(([^)]*)\)", CMAKE))
    assert built == {str(p.relative_to(ROOT)) for p in [*MODULES, *PACKAGES]}


@pytest.mark.parametrize("folder", MODULES, ids=lambda p: p.name)
def test_a_module_lists_all_its_files(folder):
    scripts = {str(p.relative_to(folder)) for p in folder.rglob("*.py")}
    resources = {str(p.relative_to(folder)) for p in folder.glob("Resources/**/*") if p.is_file()}
    assert set(cmake_list(folder, "MODULE_PYTHON_SCRIPTS")) == scripts
    assert set(cmake_list(folder, "MODULE_PYTHON_RESOURCES")) == resources
    assert "WITH_GENERIC_TESTS" in (folder / "CMakeLists.txt").read_text(encoding="utf-8")
    # Files of an effect of Segment Editor are in a folder below, where Slicer finds no modules.
    modules = {s for s in scripts if not s.startswith(f"{folder.name}Lib/")}
    assert modules == {f"{folder.name}.py"}, "every other .py would count as a module in Slicer"


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda p: p.name)
def test_a_package_lists_all_its_files(folder):
    scripts = {str(p.relative_to(folder.parent)) for p in folder.rglob("*.py")}
    assert set(cmake_list(folder, "SCRIPTS")) == scripts


def test_the_weights_of_the_default_engine_travel_with_every_kind_of_install():
    weights = sorted((ROOT / "Resources" / "Models").glob("*.safetensors"))
    names = [f"prompted-unet-{dims}d.safetensors" for dims in (2, 3)]
    assert [one.name for one in weights] == names
    assert sum(one.stat().st_size for one in weights) < 20e6
    cmake = (ROOT / "ImperfectSegLogic" / "CMakeLists.txt").read_text(encoding="utf-8")
    listed = re.search(r'RESOURCES "([^"]*)"', cmake).group(1).split(";")
    assert listed == [str(one.relative_to(ROOT)) for one in weights]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["data-files"]["share/imperfectseg/Models"]
    assert "Resources/Models/*.safetensors" in patterns


def test_pyproject_and_the_package_agree():
    import ImperfectSegLogic

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "imperfectseg"
    assert project["version"] == ImperfectSegLogic.__version__
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_every_range_of_pyproject_has_its_pinned_version():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [Requirement(r) for group in [project["dependencies"], *extras] for r in group]
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pins[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    for requirement in wanted:
        if requirement.name != "imperfectseg":
            name = canonicalize_name(requirement.name)
            assert name in pins, f"{name} is not pinned in constraints.txt"
            assert requirement.specifier.contains(pins[name]), requirement


@pytest.mark.parametrize("folder", MODULES, ids=lambda p: p.name)
def test_widgets_of_a_panel_have_unique_names(folder):
    for path in folder.glob("Resources/UI/*.ui"):
        names = [w.get("name") for w in ElementTree.parse(path).iter("widget")]
        assert len(names) == len(set(names))


def test_the_logic_layer_imports_without_slicer_vtk_or_qt():
    code = """
import builtins, importlib, pathlib, sys
banned = ("slicer", "vtk", "vtkmodules", "qt", "ctk", "PySide6", "PyQt5", "PythonQt", "trame")
real = builtins.__import__
def guarded(name, *a, **k):
    assert name.split(".")[0] not in banned, f"the logic layer imports {name}"
    return real(name, *a, **k)
builtins.__import__ = guarded
import ImperfectSegLogic
root = pathlib.Path(ImperfectSegLogic.__file__).parent
for path in sorted(root.rglob("*.py")):
    name = ".".join(("ImperfectSegLogic", *path.relative_to(root).with_suffix("").parts))
    importlib.import_module(name.removesuffix(".__init__"))
assert not set(banned) & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_what_3d_slicer_brings_is_enough_for_the_panels():
    code = """
import sys
class OnlySlicersPackages:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PIL", "rich", "skimage", "matplotlib", "nilearn", "torch"):
            raise ImportError(f"3D Slicer has no {name}")
sys.meta_path.insert(0, OnlySlicersPackages())
import ImperfectSegLogic.data
from ImperfectSegLogic.methods.catalog import default_segmenter
default_segmenter()()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_commands_and_ci_are_there_and_ci_runs_the_tests():
    targets = re.findall(
        r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {"demo", "test", "check", "bench"} <= set(targets)
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
