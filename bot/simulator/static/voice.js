// A voice message from this device's microphone, in the best form its browser can make.

import * as api from './api.js';
import { recordingBar } from './attach.js';
import { word } from './words.js';

const FORMS = [
  ['audio/ogg;codecs=opus', 'voice.ogg'],
  ['audio/mp4', 'voice.m4a'],
  ['audio/webm;codecs=opus', 'voice.webm'],
];

export async function record(thread) {
  const form = globalThis.MediaRecorder && FORMS.find(([type]) => MediaRecorder.isTypeSupported(type));
  let stream;
  try {
    if (!form) throw new Error();
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    thread.after(Promise.reject(new Error(word('noMicrophone'))));
    return;
  }
  const [type, name] = form;
  const recorder = new MediaRecorder(stream, { mimeType: type });
  const pieces = [];
  let wanted = true;
  const end = (send) => {
    wanted = send;
    recorder.stop();
  };
  const bar = recordingBar(() => end(true), () => end(false));
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.onstop = () => {
    for (const track of stream.getTracks()) track.stop();
    bar.remove();
    if (wanted) thread.sendVoice(new File(pieces, name, { type: type.split(';')[0] }));
  };
  thread.element.querySelector('.composer').prepend(bar);
  recorder.start();
}
