"""Pressing keys that a module has made shortcuts."""


def press(host, key):
    """Presses a key; a KeyError if no shortcut that is enabled has it."""
    import qt

    made = {
        shortcut.key.toString(): shortcut
        for shortcut in host.window.findChildren(qt.QShortcut)
        if shortcut.enabled
    }
    made[key].activated.emit()
    host.process_events()
