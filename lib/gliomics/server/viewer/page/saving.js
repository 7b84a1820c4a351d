/**
 * Saving a mask in the viewer. Nothing in it saves as it comes: MONAI Label's panel has no button for it, and of the two
 * commands behind "Export DICOM SEG" the one runs that has no archive to store in. The DICOM SEG that it would write, and
 * that "Download DICOM SEG" does write, has its slices in reverse: the masks are in the order of the volume, the positions
 * beside them in the other. So masks are sent voxel by voxel, as they lie in the volume, and the server writes the SEG.
 */

const CONTEXT = "SEGMENTATION"; // its commands come before those of the same name in others
const SERIES = /\/series\/([0-9.]+)\//;

/** The button of the tool bar, for {@link saving}'s command. */
export const SAVE_BUTTON = {
  id: "SaveMask",
  uiType: "ohif.radioGroup",
  props: {
    icon: "icon-upload",
    label: "Save mask",
    tooltip: "Save mask",
    commands: "storeSegmentation",
    evaluate: "evaluate.action",
  },
};

/** What the viewer is extended by: in every mode its commands are those that work. */
export const saving = {
  id: "gliomics.saving",
  onModeEnter: (/** @type {any} */ managers) => {
    const commands = {
      storeSegmentation: (/** @type {any} */ given) => save(managers, given?.segmentationId),
      downloadSegmentation: () =>
        tell(managers, "A DICOM SEG of a mask comes from the archive, once the mask is saved.", "info"),
    };
    for (const [name, commandFn] of Object.entries(commands)) {
      managers.commandsManager.registerCommand(CONTEXT, name, { commandFn });
    }
  },
};

/**
 * Send a mask to the server, which keeps it as the final label of the study.
 * @param {any} managers
 * @param {string} [named] its id; the mask that is worked on without one
 */
async function save(managers, named) {
  const { segmentationService, viewportGridService } = managers.servicesManager.services;
  const id = named ?? segmentationService.getActiveSegmentation(viewportGridService.getActiveViewportId())?.segmentationId;
  const segmentation = id && segmentationService.getSegmentation(id);
  const volume = segmentation && segmentationService.getLabelmapVolume(id);
  if (!volume) {
    tell(managers, "There is no mask to save. In the MONAI Label mode there is one once a model has run.", "error");
    return;
  }
  const voxels = volume.voxelManager.getCompleteScalarDataArray();
  const present = new Set(voxels);
  const segments = /** @type {[string, any][]} */ (Object.entries(segmentation.segments));
  const names = segments.filter(([, segment]) => segment).map(([idx, { label }]) => ({ idx: Number(idx), name: label }));
  const [, series] = SERIES.exec(segmentation.representationData.Labelmap.referencedImageIds[0]) ?? [];
  const form = new FormData();
  form.set("params", JSON.stringify({ label_info: names.filter(({ idx }) => present.has(idx)) }));
  form.set("label", new Blob([voxels]), "label.bin");
  const address = `/datastore/label?${new URLSearchParams({ image: series ?? "", tag: "final" })}`;
  try {
    const answer = await fetch(address, { method: "PUT", body: form });
    const { detail, archive } = await answer.json();
    if (answer.ok) tell(managers, `Saved as the final label of this study. ${archive ?? ""}`, "success");
    else tell(managers, `Not saved: ${detail}`, "error");
  } catch {
    tell(managers, "Not saved: the server does not answer. The mask is kept here; try again in a moment.", "error");
  }
}

/**
 * @param {any} managers
 * @param {string} message
 * @param {string} type
 */
function tell(managers, message, type) {
  const { uiNotificationService } = managers.servicesManager.services;
  uiNotificationService.show({ title: "Save mask", message, type, duration: 8000 });
}
