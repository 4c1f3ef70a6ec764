export declare const shadersModule: (folder: string) => string
