// Takes pictures of pages: reads [{ url, width, theme, file, height }], where a page without a height is taken whole.
'use strict';
const puppeteer = require('puppeteer-core');

(async () => {
  const browser = await puppeteer.launch({ executablePath: process.argv[2], args: ['--no-sandbox', '--hide-scrollbars'] });
  for (const { url, width, height, theme, file } of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
    const tab = await browser.newPage();
    await tab.setViewport({ width, height: height ?? 900 });
    await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await tab.goto(url);
    await tab.screenshot({ path: file, fullPage: !height });
    await tab.close();
  }
  await browser.close();
})();
