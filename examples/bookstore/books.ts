export interface Book {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly year: number;
  /** Hue of its cover, in degrees. */
  readonly hue: number;
  /** How it begins. Version 2 of the catalog tells. */
  readonly opening: string;
  /** In cents; the ticker moves prices around this. */
  readonly price: number;
}

/** What the bookstore sells: the whole data set of the example. */
export const books: readonly Book[] = [
  {
    id: "moby-dick",
    title: "Moby-Dick",
    author: "Herman Melville",
    year: 1851,
    hue: 205,
    opening: "Call me Ishmael.",
    price: 1890,
  },
  {
    id: "silas-marner",
    title: "Silas Marner",
    author: "George Eliot",
    year: 1861,
    hue: 28,
    opening: "In the days when the spinning-wheels hummed busily in the farmhouses …",
    price: 1250,
  },
  {
    id: "middlemarch",
    title: "Middlemarch",
    author: "George Eliot",
    year: 1871,
    hue: 150,
    opening: "Miss Brooke had that kind of beauty which seems to be thrown into relief by poor dress.",
    price: 2240,
  },
  {
    id: "jane-eyre",
    title: "Jane Eyre",
    author: "Charlotte Brontë",
    year: 1847,
    hue: 340,
    opening: "There was no possibility of taking a walk that day.",
    price: 1475,
  },
  {
    id: "time-machine",
    title: "The Time Machine",
    author: "H. G. Wells",
    year: 1895,
    hue: 265,
    opening: "The Time Traveller was expounding a recondite matter to us.",
    price: 990,
  },
  {
    id: "persuasion",
    title: "Persuasion",
    author: "Jane Austen",
    year: 1817,
    hue: 8,
    opening:
      "Sir Walter Elliot was a man who, for his own amusement, never took up any book but the Baronetage.",
    price: 1120,
  },
  {
    id: "frankenstein",
    title: "Frankenstein",
    author: "Mary Shelley",
    year: 1818,
    hue: 100,
    opening: "You will rejoice to hear that no disaster has accompanied the commencement of an enterprise …",
    price: 1340,
  },
  {
    id: "north-and-south",
    title: "North and South",
    author: "Elizabeth Gaskell",
    year: 1854,
    hue: 190,
    opening: "“Edith!” said Margaret, gently, “Edith!”",
    price: 1580,
  },
];

/** The book with that id. */
export function findBook(id: string | undefined): Book | undefined {
  return books.find((book) => book.id === id);
}
