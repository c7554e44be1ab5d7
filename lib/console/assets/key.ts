/** The API key, where the cluster wants one: asked for once, kept until the tab is closed, sent to this node only. */

const REMEMBERED = 'halod-api-key';

export function apiHeaders(): Record<string, string> {
  const key = sessionStorage.getItem(REMEMBERED);
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

export function startKeyForm(form: HTMLFormElement, input: HTMLInputElement): void {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    sessionStorage.setItem(REMEMBERED, input.value);
    input.value = '';
    form.hidden = true;
  });
}
