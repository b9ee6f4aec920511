// Photos that are taken for the message being written.

import { useRef } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";

/** Whether the customer holds the camera in the hand: a phone or a tablet. */
export const hasCamera = () => matchMedia("(pointer: coarse)").matches;

/** Opens the camera and takes what comes of it. */
export function Camera({ label, take }: { label: string; take: (files: Iterable<File>) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        class="sr-only"
        tabIndex={-1}
        aria-hidden="true"
        accept="image/jpeg,image/png"
        capture="environment"
        data-camera=""
        onChange={(e) => {
          take(e.currentTarget.files ?? []);
          e.currentTarget.value = "";
        }}
      />
      <button type="button" class="icon-button attach" aria-label={label} title={label} onClick={() => input.current?.click()}>
        <Icon name="camera" size={20} />
      </button>
    </>
  );
}
