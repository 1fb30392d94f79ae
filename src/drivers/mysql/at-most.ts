/** Resolves when `start` calls back, or after a time. */
export async function atMost(milliseconds: number, start: (resolve: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    start(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
