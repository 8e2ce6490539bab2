// Keeps the page up to date: fetches it every few seconds and exchanges what is in it, so that whoever reads it loses
// neither place, focus nor what they unfolded. Without this script the page is complete and stands still.
(() => {
  'use strict';
  // An answer that takes longer than this is none.
  const LIMIT = 4000;
  const byId = (id) => document.getElementById(id);
  const refresh = byId('refresh'), pause = byId('pause'), lost = byId('lost'), said = byId('said');
  // What somebody folded or unfolded; the page itself decides about the rest.
  const folded = new Map();
  const own = byId('main').dataset.page;
  let isPaused = false, isAsking = false, timer = 0;

  const every = () => 1000 * Number(byId('main').dataset.refresh);

  const show = (text) => {
    refresh.textContent = text;
  };

  const tell = () => {
    if (isPaused) show('Paused');
    else if (isSelecting()) show('Waits while text is selected');
    else show(`Refreshed every ${every() / 1000} seconds`);
  };

  // Somebody who copies a request's id is not to lose it.
  function isSelecting() {
    const selection = document.getSelection();
    return !selection.isCollapsed && byId('main').contains(selection.anchorNode);
  }

  // The first thing in view that both pages have, by which the reader's place is kept.
  function anchor(main, next) {
    for (const place of main.querySelectorAll('[id]')) {
      const { top, bottom } = place.getBoundingClientRect();
      if (bottom > 0 && top > -200 && next.querySelector(`#${CSS.escape(place.id)}`)) return { id: place.id, top };
    }
    return null;
  }

  function exchange(page) {
    const main = byId('main'), next = document.adoptNode(page.getElementById('main'));
    for (const [id, isOpen] of folded) {
      const details = next.querySelector(`#${CSS.escape(id)}`);
      if (details) details.open = isOpen;
    }
    const active = document.activeElement, hadFocus = active !== main && main.contains(active);
    const headline = byId('headline').textContent;
    const kept = window.scrollY > 0 ? anchor(main, next) : null;
    main.replaceWith(next);
    if (kept) window.scrollBy(0, byId(kept.id).getBoundingClientRect().top - kept.top);
    if (hadFocus) (byId(active.id) ?? next).focus({ preventScroll: true });
    document.title = page.title;
    document.querySelector('link[rel=icon]').href = page.querySelector('link[rel=icon]').href;
    if (byId('headline').textContent !== headline) said.textContent = byId('headline').textContent;
  }

  function answers() {
    document.documentElement.classList.remove('lost');
    lost.replaceChildren();
  }

  function answersNot(why) {
    if (document.documentElement.classList.contains('lost')) return;
    document.documentElement.classList.add('lost');
    const large = document.createElement('strong');
    large.textContent = 'hookward does not answer';
    const at = byId('main').dataset.at;
    lost.replaceChildren(large, `${why}. What is below was so at ${at}. Does the process run, and is this machine reachable?`);
    document.title = 'No answer · hookward';
  }

  async function ask() {
    try {
      const answer = await fetch(location.pathname, { cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(LIMIT) });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (!answer.ok || !page.getElementById('main')) {
        answersNot(`It answered with ${answer.status} and not with this page`);
        return;
      }
      // Another version of hookward has another style and script: begin anew with those.
      if (page.getElementById('main').dataset.page !== own) {
        location.reload();
        return;
      }
      answers();
      if (!isPaused && !isSelecting()) exchange(page);
    } catch (error) {
      answersNot(error.name === 'TimeoutError' ? `Not within ${LIMIT / 1000} seconds` : 'No connection can be made');
    }
  }

  // One question at a time: the next is put only once the last has its answer.
  async function turn() {
    clearTimeout(timer);
    if (isAsking || isPaused || document.hidden) return;
    isAsking = true;
    await ask();
    isAsking = false;
    tell();
    timer = setTimeout(turn, every());
  }

  document.addEventListener('visibilitychange', turn);
  document.addEventListener('selectionchange', tell);
  document.addEventListener('click', (event) => {
    const details = event.target.closest?.('summary')?.parentElement;
    // It is changed after this event.
    if (details?.id) folded.set(details.id, !details.open);
  });
  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? 'Go on' : 'Pause';
    tell();
    turn();
  });
  pause.hidden = false;
  tell();
  timer = setTimeout(turn, every());
})();
