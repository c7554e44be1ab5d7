export async function runMutants(_print: (line: string) => void, _only?: string): Promise<boolean> {
  return false;
}
