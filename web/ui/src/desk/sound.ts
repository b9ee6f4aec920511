// Short tones: two rising ones for a new offer, one soft one for a message. They are made here, so that no file has to be loaded.

let context: AudioContext | undefined;

const tunes = { offer: [660, 880], message: [520] };

export function chime(tune: keyof typeof tunes = "offer"): void {
  try {
    context ??= new AudioContext();
    void context.resume();
    const start = context.currentTime;
    for (const [i, hz] of tunes[tune].entries()) {
      const tone = context.createOscillator();
      const gain = context.createGain();
      const at = start + i * 0.16;
      tone.frequency.value = hz;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(tune === "offer" ? 0.12 : 0.07, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.3);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.32);
    }
  } catch {
    // a browser without sound shows the offer all the same
  }
}
