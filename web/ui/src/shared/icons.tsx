// Small drawings for buttons. They are ornaments: the words beside them, or the button's label, say what they mean.

const paths = {
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8c.6-3.4 3.5-5.5 7-5.5s6.4 2.1 7 5.5",
  send: "M4.5 12h13M12 5.5l6.5 6.5-6.5 6.5",
  camera: "M4 8h3.500L9 5.500h6L16.500 8H20v11H4V8Zm8 8.500a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400Z",
  again: "M19 12a7 7 0 1 1-2.200-5.100L19 9m0-4.500V9h-4.500",
  close: "M6 6l12 12M18 6 6 18",
  menu: "M5 12h.01M12 12h.01M19 12h.01",
  up: "M7 11v8.5H4V11h3Zm0 0 4-7.5c1.400 0 2.200.9 2.200 2.200V9.500h5c1.200 0 2 1 1.800 2.200l-1.100 6.100a2 2 0 0 1-2 1.700H7",
  down: "M17 13V4.500h3V13h-3Zm0 0-4 7.500c-1.400 0-2.200-.9-2.200-2.200V14.500h-5c-1.200 0-2-1-1.800-2.200l1.100-6.100a2 2 0 0 1 2-1.700H17",
  book: "M5 5.500A1.500 1.500 0 0 1 6.500 4H19v13.500H6.500A1.500 1.500 0 0 0 5 19V5.500ZM5 19a1.500 1.500 0 0 0 1.500 1.500H19v-3",
  check: "M5 12.500l4.500 4.500L19 7.500",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16Zm0-12.500V12l3 2",
  alert: "M12 8.500v4.500m0 3.200v.1M12 4 3.500 19h17L12 4Z",
  out: "M14 5h5v5M19 5l-8.500 8.500M11 5H6a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-5",
  inbox: "M4 13.500 6.500 5h11L20 13.500V19H4v-5.500Zm0 0h4.500L10 16h4l1.500-2.500H20",
  chat: "M5 5h14v11h-8l-4 3.500V16H5V5Z",
  box: "M12 3.500 20 8v8l-8 4.500L4 16V8l8-4.500ZM4 8l8 4.500L20 8m-8 4.500v8",
  star: "m12 4 2.400 5 5.600.7-4.100 3.800 1.100 5.500-5-2.800-5 2.800 1.100-5.500L4 9.700 9.600 9 12 4Z",
  back: "M14.500 5.500 8 12l6.500 6.500",
  sliders: "M4 7h9m5 0h2M4 17h2m5 0h9M15.500 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Zm-7 10a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13Zm5-1.500L20 20",
  board: "M4.500 5h15v14h-15V5Zm5 0v14m5-14v14",
  chart: "M5 19V5m0 14h14.500M9 16v-4m4 4V8m4 8v-6",
  note: "M5 4.500h14V15l-4.500 4.500H5v-15Zm14 10.500h-4.500v4.500",
  file: "M7 3.500h7L18.500 8v12.500H7v-17Zm7 0V8h4.500",
  clip: "M8 12.500 14 6.500a2.800 2.800 0 0 1 4 4l-8 8a4.500 4.500 0 0 1-6.300-6.300L11.500 4.500",
  stop: "M7.500 7.500h9v9h-9v-9Z",
  sound: "M5 10v4h3l4 3.500v-11L8 10H5Zm10-.5a3.500 3.500 0 0 1 0 5m2.500-7.500a7 7 0 0 1 0 10",
  spark: "M12 4v4m0 8v4m-8-8h4m8 0h4M7 7l2 2m6 6 2 2m0-10-2 2m-6 6-2 2",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  const heavy = name === "menu";
  return (
    <svg class={`icon icon-${name}`} width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width={heavy ? 3 : 1.8} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
