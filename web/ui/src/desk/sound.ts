// Two short tones for a new offer. They are made here, so that no file has to be loaded.

let context: AudioContext | undefined;

export function chime(): void {
  try {
    context ??= new AudioContext();
    void context.resume();
    const start = context.currentTime;
    for (const [i, hz] of [660, 880].entries()) {
      const tone = context.createOscillator();
      const gain = context.createGain();
      const at = start + i * 0.16;
      tone.frequency.value = hz;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.3);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.32);
    }
  } catch {
    // a browser without sound shows the offer all the same
  }
}
