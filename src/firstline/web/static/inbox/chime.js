/** One soft tone when a customer starts to wait; only for who has asked for it. */

const PITCH_HZ = 587;
const SECONDS = 0.5;
const LOUDNESS = 0.08;

let context = null;

export function chime() {
  context ??= new AudioContext();
  void context.resume();
  const [tone, volume, now] = [context.createOscillator(), context.createGain(), context.currentTime];
  tone.frequency.value = PITCH_HZ;
  volume.gain.setValueAtTime(0, now);
  volume.gain.linearRampToValueAtTime(LOUDNESS, now + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, now + SECONDS);
  tone.connect(volume).connect(context.destination);
  tone.start(now);
  tone.stop(now + SECONDS);
}
