/** Dark or light: what the system prefers, until somebody presses the button. */

const REMEMBERED = 'halod-theme';

export function startTheme(button: HTMLElement, changed: () => void): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const show = (theme: string): void => {
    document.documentElement.dataset['theme'] = theme;
    changed();
  };
  show(localStorage.getItem(REMEMBERED) ?? (dark.matches ? 'dark' : 'light'));
  button.addEventListener('click', () => {
    const theme = document.documentElement.dataset['theme'] === 'dark' ? 'light' : 'dark';
    localStorage.setItem(REMEMBERED, theme);
    show(theme);
  });
}
