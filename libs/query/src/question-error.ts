/** The question itself is wrong; the message says what it should look like. */
export class QuestionError extends Error {
  override readonly name = "QuestionError";
}
