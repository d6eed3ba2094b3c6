"""The project's test host: real Slicer MRML and views, and look-alike Qt panels, without Slicer.

Tiers, each usable without the next:

* ``mrml.py``         real MRML scene, module logics and file formats
* ``views.py``        real displayable managers, drawn offscreen, driven by simulated mouse events
* ``application.py``  the Qt application: main window, module panel, four views, modules loaded

What is real and what only looks real is written in the docstring of each file.
"""
