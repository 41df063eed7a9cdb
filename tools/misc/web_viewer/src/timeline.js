// Which frame is shown; playing shows one after another at the shot's own rate.

import { element } from './panel.js';

export class Timeline {
  constructor(count, fps, changed) {
    this.count = count;
    this.fps = fps;
    this.changed = changed;
    this.frame = 0;
    this.playing = false;
    this.slider = element('frame');
    this.slider.max = count - 1;
    this.slider.addEventListener('input', () => {
      this.pause();
      this.go(Number(this.slider.value));
    });
    element('play').addEventListener('click', () => this.toggle());
    element('timeline').hidden = count < 2;
  }

  go(frame) {
    this.frame = frame;
    this.slider.value = frame;
    const seconds = (frame / this.fps).toFixed(2);
    this.slider.setAttribute('aria-valuetext', `frame ${frame}, ${seconds} s`);
    element('clock').textContent = `${frame} / ${this.count - 1} · ${seconds} s`;
    this.changed(frame);
  }

  toggle() {
    if (this.count < 2) return;
    if (this.playing) {
      this.pause();
      return;
    }
    this.playing = true;
    this.label();
    const start = performance.now() - (1000 * this.frame) / this.fps;
    const tick = (now) => {
      if (!this.playing) return;
      const frame = Math.max(0, Math.floor(((now - start) / 1000) * this.fps)) % this.count;
      if (frame !== this.frame) this.go(frame);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.playing = false;
    this.label();
  }

  label() {
    element('play').dataset.playing = this.playing;
    element('play').setAttribute('aria-label', this.playing ? 'Pause' : 'Play');
  }
}
