/** What stands in for an exercise that is not solved, as `todo('1.2')`: it says so. */
export const todo = (exercise: string): never => {
  const chapter = (exercise.split('.')[0] as string).padStart(2, '0')
  throw new Error(`exercise ${exercise} is not solved yet: write it in docs/course/exercises/${chapter}.ts`)
}
