"""``python -m gliomics.monailabel`` is MONAI Label's own command, which can start any MONAI Label app."""

from monailabel.main import Main

if __name__ == "__main__":
    Main().run()
