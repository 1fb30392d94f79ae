import { TransactionClosedError, type Transaction } from '../index.ts'

/** A transaction with named savepoints, as SQL has them, made of nested transactions. */
export class TransactionStack {
  readonly #root: Transaction
  readonly #savepoints: { readonly name: string; readonly transaction: Transaction }[] = []

  constructor(root: Transaction) {
    this.#root = root
  }

  /** What statements go through now. */
  get current(): Transaction {
    return this.#savepoints.at(-1)?.transaction ?? this.#root
  }

  savepoint(name: string): void {
    this.#savepoints.push({ name, transaction: this.current.begin() })
  }

  /** Undoes everything since the savepoint. It stays, those set after it are gone. */
  async rollbackTo(name: string): Promise<void> {
    const index = this.#indexOf(name)
    for (const { transaction } of this.#savepoints.splice(index).toReversed()) await transaction.rollback()
    this.savepoint(name)
  }

  /** Keeps everything since the savepoint, and forgets it and those set after it. */
  async release(name: string): Promise<void> {
    await this.#releaseFrom(this.#indexOf(name))
  }

  async commit(): Promise<void> {
    await this.#releaseFrom(0)
    await this.#root.commit()
  }

  async rollback(): Promise<void> {
    await this.#root.rollback()
  }

  async #releaseFrom(index: number): Promise<void> {
    for (const { transaction } of this.#savepoints.splice(index).toReversed()) await transaction.commit()
  }

  #indexOf(name: string): number {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name)
    if (index >= 0) return index
    throw new TransactionClosedError(
      `There is no savepoint "${name}" in the transaction. Set: ${this.#savepoints.map((savepoint) => `"${savepoint.name}"`).join(', ') || 'none'}.`,
    )
  }
}
