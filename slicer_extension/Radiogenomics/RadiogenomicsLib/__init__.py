"""The Radiogenomics panel: everything but the module file that 3D Slicer looks for.

- ``panel``: what the user sees and does; ``viewmodel`` decides, ``view`` and ``widget`` show;
- ``scene``: MRML nodes as values and back;
- ``server``: what leaves for a server, and the threads in which it does; a server on this computer;
- ``sequences`` and ``wording``: sequences in the panel's order, errors and lists in words;
- ``sampledata``: the study in the module *Sample Data*.
"""
