"""The parts of the data set folder: its files, its checks and its contact sheet."""
