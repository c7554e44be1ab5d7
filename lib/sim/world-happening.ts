/** Something that happens at a time; of two at the same time, what was added first. What comes in millions has a class. */
export abstract class Happening {
  readonly time: number;
  order = 0;

  constructor(time: number) {
    this.time = time;
  }

  abstract run(): void;
}
