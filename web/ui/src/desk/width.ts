// Whether there is room for one column only, as the styles have it.

import { signal } from "@preact/signals";

const phone = matchMedia("(max-width: 759px)");

/** True while the page is as narrow as a phone: what has no room then is in the menus. */
export const narrow = signal(phone.matches);

phone.addEventListener("change", () => (narrow.value = phone.matches));
