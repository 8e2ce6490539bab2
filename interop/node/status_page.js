// The status page in Chromium. Reads where its pages are as JSON, prints what was checked: [is right, what, found].
'use strict';
const fs = require('fs');
const puppeteer = require('puppeteer-core');

const { base, live, chromium } = JSON.parse(fs.readFileSync(0, 'utf8'));
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const THEMES = ['light', 'dark'], WIDTHS = [400, 1400];
const checks = [];
const check = (isRight, what, found) => checks.push([Boolean(isRight), what, found ?? null]);

// Opens an address in a tab of its own. What the browser complains of and asks for is collected.
async function open(browser, url, { theme = 'light', width = 1400, script = true, before } = {}) {
  const tab = await browser.newPage();
  tab.said = [];
  tab.asked = [];
  tab.on('console', (message) => ['error', 'warn'].includes(message.type()) && tab.said.push(message.text()));
  tab.on('pageerror', (error) => tab.said.push(String(error)));
  tab.on('dialog', (dialog) => { tab.said.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  tab.on('request', (request) => tab.asked.push(request.url()));
  await tab.setViewport({ width, height: 900 });
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await tab.setJavaScriptEnabled(script);
  if (before) await tab.evaluateOnNewDocument(before);
  await tab.goto(url, { waitUntil: 'load' });
  return tab;
}

// Lets the page fetch itself now.
const turn = (tab) => tab.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
const until = (tab, condition, ...values) =>
  tab.waitForFunction(condition, { timeout: 20000 }, ...values).then(() => true, () => false);

async function looks(browser, name, url) {
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      const what = `${name}, ${theme}, ${width}`, tab = await open(browser, url, { theme, width });
      const room = await tab.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      check(room[0] <= room[1], `${what}: nothing beyond the edge`, room);
      await tab.evaluate(AXE);
      const { violations, passes } = await tab.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
      const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
      check(serious.length === 0 && passes.length > 10, `${what}: axe`,
        serious.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 200), nodes[0].failureSummary]));
      check(tab.said.length === 0, `${what}: the console is silent`, tab.said);
      const elsewhere = tab.asked.filter((asked) => new URL(asked).protocol !== 'data:' && asked !== url);
      check(tab.asked.length > 0 && elsewhere.length === 0, `${what}: no request elsewhere`, elsewhere);
      await tab.close();
    }
  }
}

async function withoutScript(browser, name, url) {
  const tab = await open(browser, url, { script: false });
  const seen = await tab.evaluate(() => ({
    headline: document.querySelector('h1').textContent,
    sections: [...document.querySelectorAll('h2')].map((heading) => heading.textContent),
    link: document.querySelector('#refresh a')?.checkVisibility(),
    pause: document.querySelector('#pause').checkVisibility(),
  }));
  check(seen.headline.length > 5 && seen.sections.length >= 5, `${name} without JavaScript is whole`, seen);
  check(seen.link && !seen.pause, `${name} without JavaScript has a link to load it again`, seen);
  check(tab.said.length === 0, `${name} without JavaScript: the console is silent`, tab.said);
  await tab.close();
}

// What somebody sent is text in the page, and did nothing.
async function stayedText(browser, name, url, texts) {
  const tab = await open(browser, url);
  const seen = await tab.evaluate((texts) => ({
    foreign: document.querySelectorAll('main img, main script, main style, main iframe, main [onerror], main [style]').length,
    scripts: document.scripts.length,
    missing: texts.filter((text) => !document.querySelector('main').textContent.includes(text)),
  }), texts);
  check(seen.foreign === 0 && seen.scripts === 1, `${name}: markup makes no element`, seen);
  check(seen.missing.length === 0, `${name}: markup is shown as it came`, seen.missing);
  check(tab.said.length === 0, `${name}: nothing ran`, tab.said);
  await tab.close();
}

// With the tab key through the whole page.
async function keyboard(browser, name, url) {
  const tab = await open(browser, url);
  const stops = [];
  for (let step = 0; step < 200; step += 1) {
    await tab.keyboard.press('Tab');
    const stop = await tab.evaluate(() => {
      const active = document.activeElement;
      if (active === document.body) return null;
      const all = [...document.querySelectorAll('*')], box = active.getBoundingClientRect();
      const style = getComputedStyle(active);
      return {
        id: active.id, place: all.indexOf(active), isSeen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
        isMarked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      };
    });
    if (!stop || stops.some(({ id }) => id === stop.id)) break;
    stops.push(stop);
  }
  const places = stops.map(({ place }) => place);
  check(stops.length > 3 && stops[0].id === 'pause', `${name}: the keyboard begins at the top`, stops.slice(0, 3));
  check(places.every((place, index) => index === 0 || place > places[index - 1]), `${name}: it goes on as one reads`, stops);
  check(stops.every(({ id, isSeen, isMarked }) => id && isSeen && isMarked), `${name}: where it is is seen`,
    stops.filter(({ id, isSeen, isMarked }) => !(id && isSeen && isMarked)));
  const levels = await tab.evaluate(() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(({ tagName }) => Number(tagName[1])));
  check(levels[0] === 1 && levels.every((level, index) => index === 0 || level <= levels[index - 1] + 1),
    `${name}: headings go down step by step`, levels);
  await tab.close();
}

async function refreshes(browser) {
  const tab = await open(browser, `${base}/changing`);
  const before = await tab.evaluate(() => {
    document.querySelector('#fold-twenty-staging').click();
    document.querySelector('#fold-billing').click();
    document.querySelector('#fold-twenty').focus();
    window.scrollBy(0, 700);
    return { top: document.querySelector('#fold-twenty').getBoundingClientRect().top, scrolled: scrollY };
  });
  await turn(tab);
  check(await until(tab, () => document.querySelector('main').textContent.includes('/later')), 'the content is exchanged');
  const after = await tab.evaluate(() => ({
    focus: document.activeElement.id, top: document.querySelector('#fold-twenty').getBoundingClientRect().top, scrolled: scrollY,
    isFolded: !document.querySelector('#more-billing').open, isOpen: document.querySelector('#more-twenty').open,
    said: document.querySelector('#refresh').textContent,
  }));
  check(after.focus === 'fold-twenty', 'the focus is kept', after);
  check(before.scrolled > 0 && Math.abs(after.top - before.top) < 2, 'the place is kept', [before, after]);
  check(after.isFolded && after.isOpen, 'what was folded stays folded', after);
  check(/every 5 seconds/.test(after.said), 'it says how often', after.said);
  check(tab.said.length === 0, 'the exchange: the console is silent', tab.said);

  await tab.evaluate(() => document.querySelector('#pause').click());
  const asked = tab.asked.length;
  await turn(tab);
  check(tab.asked.length === asked && await tab.$eval('#refresh', (at) => at.textContent === 'Paused'), 'it can be paused');
  await tab.evaluate(() => document.querySelector('#pause').click());
  check(await until(tab, () => /every/.test(document.querySelector('#refresh').textContent)) && tab.asked.length > asked,
    'and goes on', tab.asked.length - asked);
  await tab.close();
}

async function selects(browser) {
  const tab = await open(browser, `${base}/changing-2`);
  await tab.evaluate(() => getSelection().selectAllChildren(document.querySelector('h1')));
  await turn(tab);
  check(await until(tab, () => /selected/.test(document.querySelector('#refresh').textContent)), 'it waits while text is selected');
  const text = await tab.evaluate(() => [String(getSelection()), document.querySelector('main').textContent.includes('/later')]);
  check(text[0].length > 5 && !text[1], 'what is selected stays', text);
  await tab.close();
}

// The process goes away, and comes back.
async function isLost(browser) {
  const tab = await open(browser, `${base}/dying`);
  await fetch(`${base}/gone`);
  await turn(tab);
  check(await until(tab, () => /does not answer/.test(document.querySelector('#lost').textContent)), 'no answer is told');
  const isGrey = await tab.evaluate(() => getComputedStyle(document.querySelector('main')).filter);
  check(/grayscale/.test(isGrey), 'and what is below does not look as if it were so now', isGrey);
  check(/No answer/.test(await tab.title()), 'the title says so, too', await tab.title());
  await fetch(`${base}/back`);
  await turn(tab);
  check(await until(tab, () => !document.querySelector('#lost').textContent), 'it is not told once there is one');
  await tab.close();
}

// Answers that do not come: one request at a time, each with a limit.
async function hangs(browser) {
  const tab = await open(browser, `${base}/fast/hanging`);
  let open_ = 0, most = 0;
  tab.on('request', () => { open_ += 1; most = Math.max(most, open_); });
  tab.on('requestfailed', () => { open_ -= 1; });
  for (let times = 0; times < 5; times += 1) await turn(tab);
  check(await until(tab, () => /Not within 4 seconds/.test(document.querySelector('#lost').textContent)), 'an answer that hangs is told');
  check(most === 1, 'requests do not pile up', most);
  await tab.close();
}

// Another version of hookward took over: its page is loaded, once.
async function upgrades(browser) {
  const tab = await open(browser, `${base}/upgraded`);
  const isLoaded = tab.waitForNavigation({ timeout: 20000 }).then(() => true, () => false);
  await turn(tab);
  check(await isLoaded && tab.asked.length >= 3, 'the page of another version is loaded', tab.asked.length);
  await tab.evaluate(() => { window.isSame = true; });
  const before = tab.asked.length;
  await turn(tab);
  check(await until(tab, () => /every/.test(document.querySelector('#refresh').textContent)) && tab.asked.length > before
    && await tab.evaluate(() => window.isSame), 'and only once', tab.asked.length - before);
  await tab.close();
}

// Nobody looks: nothing is asked.
async function hides(browser) {
  const tab = await open(browser, `${base}/fast/well`, {
    before: () => Object.defineProperty(document, 'hidden', { get: () => window.isHidden === true }),
  });
  const again = (response) => response.url() === tab.url();
  const comes = () => tab.waitForResponse(again, { timeout: 10000 }).then(() => true, () => false);
  check(await comes() && await comes(), 'a tab that is seen asks again and again');
  await tab.evaluate(() => { window.isHidden = true; });
  // One may be on its way.
  await new Promise((done) => setTimeout(done, 500));
  const asked = tab.asked.length;
  await new Promise((done) => setTimeout(done, 1500));
  check(tab.asked.length === asked, 'a hidden tab asks nothing', tab.asked.length - asked);
  await tab.evaluate(() => { window.isHidden = false; document.dispatchEvent(new Event('visibilitychange')); });
  check(await comes(), 'and asks when it is seen again');
  await tab.close();
}

(async () => {
  const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox'] });
  try {
    if (live) {
      await looks(browser, 'live', live.url);
      await withoutScript(browser, 'live', live.url);
      await keyboard(browser, 'live', live.url);
      await stayedText(browser, 'live', live.url, live.texts);
    } else {
      for (const name of ['well', 'troubles', 'thirty', 'fresh', 'hostile']) await looks(browser, name, `${base}/${name}`);
      for (const name of ['well', 'troubles']) await withoutScript(browser, name, `${base}/${name}`);
      for (const name of ['well', 'troubles', 'thirty']) await keyboard(browser, name, `${base}/${name}`);
      await stayedText(browser, 'hostile', `${base}/hostile`, ['<script>alert(1)</script><img src=x onerror=alert(1)>"\'&<b>']);
      for (const behaves of [refreshes, selects, isLost, hangs, upgrades, hides]) await behaves(browser);
    }
  } catch (error) {
    check(false, 'all could be looked at', error.stack);
  } finally {
    await browser.close();
  }
  process.stdout.write(JSON.stringify(checks));
})();
