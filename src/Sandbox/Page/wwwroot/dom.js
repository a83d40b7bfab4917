// Creates elements, shows messages, and sends requests that report their errors.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child != null));
  return element;
}

export function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

let hiding;

export function toast(words) {
  const box = document.getElementById('toast');
  box.textContent = words;
  box.classList.add('shown');
  clearTimeout(hiding);
  hiding = setTimeout(() => box.classList.remove('shown'), 6000);
}

export function say(words) {
  document.getElementById('said').textContent = words;
}

// Does something. If the service refuses it, the sentence of the service is shown. The result is true if it was done.
export async function attempt(act) {
  try {
    await act();
    return true;
  } catch (error) {
    toast(error instanceof TypeError ? 'The sandbox does not answer.' : error.message);
    return false;
  }
}

// Sends a request to the sandbox. If it is refused, its text is shown. The result is true if it was accepted.
export async function ask(method, path, body) {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  try {
    const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (response.ok) return true;
    toast((await response.text()).trim() || `The answer was ${response.status}.`);
  } catch {
    toast('The sandbox does not answer.');
  }
  return false;
}

export const nameOf = address => address.startsWith('client:') ? address.slice('client:'.length) : address;

export const capital = words => words.charAt(0).toUpperCase() + words.slice(1);
