"""How texts of panels look."""

from __future__ import annotations

ERROR_STYLE = "color: #c0392b"
