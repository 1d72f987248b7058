// A program in the machine's network: asks the resolvers there for the supervisor, which lives in another network.
// Its argument: a resolver in the place of those of /etc/resolv.conf. It ends with its parent.
import { askResolvers, resolversOfMachine, type Transport } from "./resolvers.ts";

export interface QuestionMessage {
  readonly id: number;
  readonly question: Uint8Array;
  readonly transport: Transport;
}

/** To the question with the same `id`. */
export interface AnswerMessage {
  readonly id: number;
  readonly answer?: Uint8Array;
}

const named = process.argv[2];

process.on("message", ({ id, question, transport }: QuestionMessage) => {
  // Read each time: a machine that changes its network changes its resolvers.
  const resolvers = named === undefined ? resolversOfMachine() : [named];
  void askResolvers(Buffer.from(question), resolvers, transport).then((answer) => {
    const message: AnswerMessage = { id, ...(answer === undefined ? {} : { answer }) };
    process.send?.(message);
  });
});
process.on("disconnect", () => process.exit(0));
