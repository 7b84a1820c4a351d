"""The Radiogenomics panel: everything but the module file that 3D Slicer looks for.

Each file holds one idea:

- ``viewmodel``: which state the panel is in, what can be done and why not;
- ``widget``: builds the panel from its ``.ui`` file and keeps it as the view model says;
- ``labelling``: the next study, slices of it that are asked for, the label that goes back;
- ``correction``: clicks that correct a segment; ``placement``: the points of the clicks in the slice views;
- ``controller``: what ``labelling`` and ``correction`` have in common; ``subscriptions``: what calls the panel;
- ``logic``: MRML nodes to arrays and back; ``parameters``: what the scene remembers of the panel;
- ``jobs``: work in a thread; ``work`` runs it, one at a time; ``tasks``: what it is;
- ``backends``: where computation happens (a Gliomics server);
- ``volumes``: images as arrays and as NIfTI files; ``slices``: their axial slices by number;
- ``wording``: features and estimates in words.
"""
