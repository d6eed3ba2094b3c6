"""Stands in for qSlicerCoreIOManager: which reader or writer serves a file.

The reading and writing itself is done by the real MRML storage nodes and module logics. Unlike the
real one, the set of file types is fixed, no dialogs exist, and options that only touch the display
are left out. A reader fills the scene with real nodes, so a round trip through here is a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
import vtk

VOLUME_EXTENSIONS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".dcm", ".tif", ".png")
VOLUME_WRITE_EXTENSIONS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
EXTENSIONS: dict[str, tuple[str, ...]] = {
    "VolumeFile": VOLUME_EXTENSIONS,
    "SegmentationFile": (".seg.nrrd", ".seg.nhdr", ".seg.vtm"),
    "MarkupsFile": (".mrk.json", ".fcsv"),
    "ModelFile": (".vtk", ".vtp", ".stl", ".ply", ".obj"),
    "TransformFile": (".tfm", ".h5"),
    "TableFile": (".tsv", ".csv"),
    "TextFile": (".txt", ".json", ".xml"),
    "SceneFile": (".mrml", ".mrb"),
}
NODE_CLASSES = {  # file types that are read by the storage node alone
    "ModelFile": "vtkMRMLModelNode",
    "TransformFile": "vtkMRMLLinearTransformNode",
    "TableFile": "vtkMRMLTableNode",
    "TextFile": "vtkMRMLTextNode",
}
LABELMAP_OPTION, CENTER_OPTION, SINGLE_FILE_OPTION = 1, 2, 4

Reader = Callable[[str, dict[str, Any], Any], "list[Any] | None"]


class CoreIOManager:
    """Reads files into ``slicer.mrmlScene`` and writes nodes of it."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {
            "VolumeFile": _read_volume,
            "SegmentationFile": _read_segmentation,
            "MarkupsFile": _read_markups,
            "SceneFile": _read_scene,
        }

    def fileType(self, filename: str | Path) -> str:
        """Name of the file type whose longest extension fits, else ``NoFile``."""
        name = str(filename).lower()
        fits = [(len(e), t) for t, all_ in EXTENSIONS.items() for e in all_ if name.endswith(e)]
        return max(fits)[1] if fits else "NoFile"

    def registeredFileReaderCount(self, filetype: str) -> int:
        return int(filetype in EXTENSIONS)

    def loadFile(self, filename: str | Path) -> bool:
        return self.loadNodes(self.fileType(filename), {"fileName": str(filename)})

    def loadNodes(
        self, filetype: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None
    ) -> bool:
        """Read a file; the new nodes go into ``loaded`` (a vtkCollection)."""
        filename = str(properties["fileName"])
        if filetype not in EXTENSIONS or not Path(filename).exists():
            return False
        reader = self._readers.get(filetype) or _storage_reader(NODE_CLASSES[filetype])
        nodes = reader(filename, properties, messages)
        if nodes is None:
            return False
        for node in nodes:
            if loaded is not None:
                loaded.AddItem(node)
        return True

    def saveNodes(self, filetype: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Write one node, or with ``SceneFile`` the whole scene."""
        if filetype == "SceneFile":
            return _write_scene(str(properties["fileName"]))
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if node is None:
            return False
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        return _write_node(node, node.GetStorageNode(), properties, messages)

    def exportNodes(
        self,
        node_ids: list[str],
        filenames: list[str],
        properties: dict[str, Any],
        harden_transform: bool = False,
        messages: Any = None,
    ) -> bool:
        """Write nodes through storage nodes of their own, which are then thrown away."""
        return all(
            _export_node(node_id, filename, properties, harden_transform, messages)
            for node_id, filename in zip(node_ids, filenames, strict=True)
        )

    def fileWriterFileType(self, node: Any, extension: str | None = None) -> str:
        return node.GetClassName()

    def fileWriterExtensions(self, node: Any) -> list[str]:
        """Formats the node can be written in, like ``NRRD (.nrrd)``.

        A volume's list is the host's own: in the wheel the storage node has none.
        """
        if node.IsA("vtkMRMLVolumeNode"):
            return [f"Volume ({extension})" for extension in VOLUME_WRITE_EXTENSIONS]
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        types = storage.GetSupportedWriteFileTypes()
        return [types.GetValue(i) for i in range(types.GetNumberOfValues())]

    def extractKnownExtension(self, filename: str | Path, node: Any) -> str:
        """The longest extension of ``filename`` that this kind of node can be written in."""
        known = map(
            slicer.vtkDataFileFormatHelper.GetFileExtensionFromFormatString,
            self.fileWriterExtensions(node),
        )
        fits = [e for e in known if str(filename).lower().endswith(e)]
        return max(fits, key=len, default="")


def _read_volume(filename: str, properties: dict[str, Any], messages: Any) -> list[Any] | None:
    options = 0
    options |= LABELMAP_OPTION if properties.get("labelmap") else 0
    options |= CENTER_OPTION if properties.get("center") else 0
    options |= SINGLE_FILE_OPTION if properties.get("singleFile") else 0
    name = properties.get("name") or _base_name(filename)
    node = slicer.modules.volumes.logic().AddArchetypeVolume(
        filename, name, options, None, messages
    )
    if node is not None and properties.get("show", True):
        slicer.util.setSliceViewerLayers(background=node, fit=True)
    return _one(node)


def _read_segmentation(
    filename: str, properties: dict[str, Any], messages: Any
) -> list[Any] | None:
    logic = slicer.modules.segmentations.logic()
    name = properties.get("name") or _base_name(filename)
    return _one(logic.LoadSegmentationFromFile(filename, True, name))


def _read_markups(filename: str, properties: dict[str, Any], messages: Any) -> list[Any] | None:
    ids = slicer.modules.markups.logic().LoadMarkups(
        filename, properties.get("name") or "", messages
    )
    return [slicer.mrmlScene.GetNodeByID(i) for i in ids.split(",")] if ids else None


def _read_scene(filename: str, properties: dict[str, Any], messages: Any) -> list[Any] | None:
    scene, clear = slicer.mrmlScene, bool(properties.get("clear"))
    if filename.lower().endswith(".mrb"):
        done = scene.ReadFromMRB(filename, clear, messages)
    else:
        scene.SetURL(filename)
        done = scene.Connect(messages) if clear else scene.Import(messages)
    return [] if done else None


def _storage_reader(node_class: str) -> Reader:
    def read(filename: str, properties: dict[str, Any], messages: Any) -> list[Any] | None:
        node = slicer.mrmlScene.AddNewNodeByClass(
            node_class, properties.get("name") or _base_name(filename)
        )
        node.AddDefaultStorageNode(filename)
        if not node.GetStorageNode().ReadData(node):
            slicer.mrmlScene.RemoveNode(node.GetStorageNode())
            slicer.mrmlScene.RemoveNode(node)
            return None
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return [node]

    return read


def _write_scene(filename: str) -> bool:
    scene, name = slicer.mrmlScene, filename.lower()
    if name.endswith(".mrb"):
        return bool(scene.WriteToMRB(filename, None))
    if name.endswith(".mrml"):
        scene.SetURL(filename)
        return bool(scene.Commit(filename))
    return bool(scene.SaveSceneToSlicerDataBundleDirectory(filename, None))


def _write_node(node: Any, storage: Any, properties: dict[str, Any], messages: Any) -> bool:
    storage.SetFileName(str(properties["fileName"]))
    if "useCompression" in properties:
        storage.SetUseCompression(int(properties["useCompression"]))
    done = bool(storage.WriteData(node))
    if messages is not None and storage.GetUserMessages() is not None:
        messages.AddMessages(storage.GetUserMessages())
    return done


def _export_node(
    node_id: str, filename: str, properties: dict[str, Any], harden: bool, messages: Any
) -> bool:
    scene = slicer.vtkMRMLScene()
    original = slicer.mrmlScene.GetNodeByID(node_id)
    copy = scene.AddNewNodeByClass(original.GetClassName(), original.GetName())
    copy.CopyContent(original)
    if harden and original.GetParentTransformNode() is not None:
        to_world = vtk.vtkGeneralTransform()
        original.GetParentTransformNode().GetTransformToWorld(to_world)
        copy.ApplyTransform(to_world)
    copy.AddDefaultStorageNode()
    return _write_node(copy, copy.GetStorageNode(), {**properties, "fileName": filename}, messages)


def _base_name(filename: str) -> str:
    return Path(filename).name.split(".")[0]


def _one(node: Any) -> list[Any] | None:
    return None if node is None else [node]
