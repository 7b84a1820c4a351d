/** What happens before the viewer's own program runs: who asks, where the archive is, and what its modes hold. */

import { modes } from "./modes.js";
import { saving } from "./saving.js";
import { sendTokenWithRequests, signedIn } from "./signin.js";

const ARCHIVE = "/proxy/dicom";

const globals = /** @type {any} */ (window);
globals.PUBLIC_URL = "/ohif/";
globals.browserImportFunction = (/** @type {string} */ name) => import(name);
globals.config = {
  routerBasename: "/ohif/",
  showStudyList: true,
  extensions: [saving],
  modes,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  useSharedArrayBuffer: "FALSE",
  defaultDataSourceName: "dicomweb",
  dataSources: [
    {
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
      sourceName: "dicomweb",
      configuration: {
        friendlyName: "The archive of this server",
        name: "archive",
        qidoRoot: `${ARCHIVE}/qido`,
        wadoRoot: `${ARCHIVE}/wado`,
        wadoUriRoot: `${ARCHIVE}/wado`,
        qidoSupportsIncludeField: true,
        supportsReject: false,
        imageRendering: "wadors",
        thumbnailRendering: "wadors",
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        dicomUploadEnabled: false,
        bulkDataURI: { enabled: true },
      },
    },
  ],
};
// The panel's server box takes its address from here; it would say http://HOST:8000/.
document.cookie = `MONAILABEL_SERVER_URL=${escape(`${location.origin}/`)}; path=/ohif; SameSite=Strict`;

sendTokenWithRequests();
await signedIn(/** @type {HTMLElement} */ (document.getElementById("root")));
const start = /** @type {HTMLElement} */ (document.getElementById("start"));
const program = document.createElement("script");
program.src = start.dataset.program ?? "";
document.head.append(program);
