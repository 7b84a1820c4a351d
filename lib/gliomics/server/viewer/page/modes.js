/**
 * The viewer's "MONAI Label" mode, with what it lacks to correct a mask and to save it.
 *
 * As it comes, this mode shows MONAI Label's panel alone. The viewer's "Segmentation" mode has brushes and a list of
 * segments. So this mode is that one, with MONAI Label's panel beside and a button that saves.
 */

import { SAVE_BUTTON } from "./saving.js";

const MONAI_LABEL = "@ohif/mode-monai-label";
const SEGMENTATION = "@ohif/mode-segmentation";
const PANEL = "@ohif/extension-monai-label.panelModule.monailabel";
const PROBE = "ProbeMONAILabel";

/** @param {any} options */
async function modeFactory(options) {
  const [monaiLabel, segmentation] = await options.loadModules([MONAI_LABEL, SEGMENTATION]);
  const panelMode = monaiLabel.modeFactory(options);
  const toolMode = segmentation.modeFactory(options);
  const [route] = toolMode.routes;
  return {
    ...toolMode,
    id: MONAI_LABEL,
    routeName: panelMode.routeName,
    displayName: panelMode.displayName,
    isValidMode: panelMode.isValidMode,
    hangingProtocol: panelMode.hangingProtocol, // its panel writes into volumes, not into stacks of slices
    extensions: { ...toolMode.extensions, ...panelMode.extensions },
    onModeEnter: (/** @type {any} */ managers) => {
      toolMode.onModeEnter(managers);
      const { toolGroupService, toolbarService } = managers.servicesManager.services;
      for (const name of ["default", "mpr"]) {
        const group = toolGroupService.getToolGroup(name);
        group?.addTool(PROBE);
        group?.setToolPassive(PROBE);
      }
      toolbarService.addButtons([SAVE_BUTTON]);
      toolbarService.createButtonSection("primary", [SAVE_BUTTON.id]); // added to those that are there
    },
    routes: [
      {
        ...route,
        path: panelMode.routes[0].path,
        layoutTemplate: (/** @type {any} */ given) => {
          const layout = route.layoutTemplate(given);
          return { ...layout, props: { ...layout.props, rightPanels: [PANEL, ...layout.props.rightPanels] } };
        },
      },
    ],
  };
}

/** In front of those that are built in: of two with one id the viewer takes the first. */
export const modes = [{ id: MONAI_LABEL, modeFactory }];
