"use strict";
// Finds a number whose SHA-256 with the token's seal begins with enough zero bits, and goes on with it.
// No library and no SubtleCrypto: the page must work over plain HTTP, too.
(() => {
  const shown = document.getElementById("work");
  shown.hidden = false;
  const page = shown.dataset;
  const text = atob(page.token.replace(/-/g, "+").replace(/_/g, "/"));
  // The seal is the last 32 of 60 bytes.
  const words = new Uint32Array(16);
  for (let i = 0; i < 32; i++) {
    words[i >> 2] |= text.charCodeAt(28 + i) << (24 - 8 * (i & 3));
  }
  // 32 bytes of seal and 8 of answer are one block (FIPS 180-4, 5.1.1).
  words[10] = 0x80000000;
  words[15] = 320;
  const primes = [];
  for (let n = 2; primes.length < 64; n++) {
    if (primes.every((p) => n % p)) primes.push(n);
  }
  const fraction = (x) => ((x - Math.floor(x)) * 0x100000000) | 0;
  const k = primes.map((p) => fraction(Math.cbrt(p)));
  const begin = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  const w = new Int32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  const firstWord = (answer) => {
    words[8] = Math.floor(answer / 0x100000000);
    words[9] = answer >>> 0;
    let [a, b, c, d, e, f, g, h] = begin;
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        w[i] = words[i];
      } else {
        const x = w[i - 15];
        const y = w[i - 2];
        const s0 = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
        const s1 = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    return (a + begin[0]) >>> 0;
  };
  // At most 24 bits are asked for, so the first word of the hash says it.
  const limit = 2 ** (32 - Number(page.difficulty));
  let answer = 0;
  const some = () => {
    const until = answer + 4000;
    for (; answer < until; answer++) {
      if (firstWord(answer) < limit) {
        location.replace(page.next + "&a=" + answer);
        return;
      }
    }
    setTimeout(some, 0);
  };
  some();
})();
