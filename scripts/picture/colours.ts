/** The colours of the picture, on a page of either kind; each text has a contrast of at least 4.5 to what is beneath it. */
export interface Colours {
  /** The page beneath: the picture itself has no background. */
  readonly page: string
  readonly text: string
  readonly quiet: string
  readonly line: string
  readonly panel: string
  readonly edge: string
  readonly box: string
  readonly route: string
  readonly routeFill: string
  readonly tint: string
  readonly server: string
  readonly primary: string
  readonly primaryFill: string
  readonly late: string
  readonly lateFill: string
  readonly shadow: string
  readonly shadowFill: string
}

export const light: Colours = {
  page: '#ffffff',
  text: '#1f2328',
  quiet: '#59636e',
  line: '#818b98',
  panel: '#f6f8fa',
  edge: '#d1d9e0',
  box: '#ffffff',
  route: '#1a7f37',
  routeFill: '#dafbe1',
  tint: '#effbf2',
  server: '#ffffff',
  primary: '#0969da',
  primaryFill: '#ddf4ff',
  late: '#9a6700',
  lateFill: '#fff8c5',
  shadow: '#8250df',
  shadowFill: '#fbefff',
}

export const dark: Colours = {
  page: '#0d1117',
  text: '#f0f6fc',
  quiet: '#9198a1',
  line: '#656c76',
  panel: '#151b23',
  edge: '#3d444d',
  box: '#0d1117',
  route: '#3fb950',
  routeFill: '#12341d',
  tint: '#0f2418',
  server: '#21262d',
  primary: '#58a6ff',
  primaryFill: '#10294a',
  late: '#d29922',
  lateFill: '#36290c',
  shadow: '#b78af8',
  shadowFill: '#2b1c45',
}
